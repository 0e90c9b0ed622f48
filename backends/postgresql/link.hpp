#pragma once
// One libpq connection whose socket an executor watches: how it is made, and how one waits for it.

#include "backends/postgresql/config.hpp"
#include "backends/postgresql/libpq.hpp"
#include "backends/postgresql/server_facts.hpp"
#include "backends/transport/runtime.hpp"
#include "proto/error.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <memory>
#include <string>

namespace coatcheck::postgresql {

// Belongs to the thread of its executor. Reads and writes are libpq's; this only waits until they can be done.
class link : public std::enable_shared_from_this<link> {
public:
    using descriptor = boost::asio::posix::basic_stream_descriptor<executor>;

    explicit link(executor on) : socket_(on) {}
    ~link() { close(); }
    link(const link&) = delete;
    link& operator=(const link&) = delete;

    // Tries the servers in their order, and the addresses that each name has, each with its share of the time until
    // `by`. Then the connection is in pipeline mode and does not block. Fails with errc::unavailable. The system's
    // resolver cannot be interrupted, so an answer may come later than `by`.
    awaitable<result<void>> open(const config& settings, server_facts& facts, deadline by);

    PGconn* get() const noexcept { return connection_.get(); } // null once closed
    descriptor& socket() noexcept { return socket_; }

    // False if a pooler is between, which may send each statement to another session of the server.
    bool is_direct() const noexcept { return direct_; }

    // Takes in what has come. False if the connection is lost; what came before that can still be had.
    bool receive() noexcept;

    // What waits is over with an error.
    void close() noexcept;

    // What libpq says of the connection.
    failure broken(std::string_view when) const;

private:
    struct target {
        std::string host;
        std::string address; // empty for a Unix socket
        std::string port;
    };

    awaitable<result<std::vector<target>>> targets_of(const host_port& server);
    awaitable<result<void>> connect(const config& settings, const target& to, deadline by);
    awaitable<result<void>> greet(const std::string& table, server_facts& facts);
    bool watch();
    awaitable<bool> wait(descriptor::wait_type what);

    connection_ptr connection_;
    descriptor socket_; // a duplicate: libpq closes its own when it likes, whose number is somebody else's then
    bool direct_ = false;
};

} // namespace coatcheck::postgresql
