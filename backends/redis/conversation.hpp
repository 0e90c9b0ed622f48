#pragma once
// Commands and replies in turn, over a connection that no pipeline has: greetings, and questions about other servers.

#include "backends/redis/redis_config.hpp"
#include "backends/redis/resp.hpp"
#include "backends/transport/runtime.hpp"
#include "backends/transport/stream.hpp"
#include "proto/error.hpp"

#include <array>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>

namespace coatcheck::redis {

class conversation {
public:
    explicit conversation(std::shared_ptr<stream> over);

    // Connects and says who we are.
    static awaitable<result<std::unique_ptr<conversation>>>
    begin(executor on, const address& to, const config& settings, const credentials& login, deadline by);

    // Sends bytes of append_command, which must outlive the co_await.
    awaitable<result<void>> send(std::string_view commands);

    // The next reply. Its views are valid until the next call.
    awaitable<result<reply>> receive();

    // One command and its reply, both before `by`, at which the connection closes. An error reply is a failure.
    awaitable<result<reply>> ask(std::initializer_list<std::string_view> words, deadline by);

private:
    std::shared_ptr<stream> over_;
    reply_parser replies_;
    std::array<char, 4096> received_;
};

// Appends AUTH, if there is a password.
void append_login(std::string& out, const credentials& login);

// Why AUTH was refused. The server's words may be the password, which an old or strange one repeats.
failure login_refused(std::string_view by);

} // namespace coatcheck::redis
