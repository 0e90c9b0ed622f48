#pragma once
// A client of one HTTP/1.1 server, with connections that are kept.

#include "backends/transport/connect.hpp"
#include "backends/transport/effect.hpp"
#include "backends/transport/runtime.hpp"
#include "proto/error.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace coatcheck {

struct http_header {
    std::string name;
    std::string value;
};

struct http_request {
    std::string method = "GET";
    std::string target = "/";         // as it goes over the wire
    std::vector<http_header> headers; // without Host and Content-Length, which are added
    std::string body;
    effect does = effect::reads;
};

struct http_reply {
    unsigned status = 0;
    std::vector<http_header> headers;
    std::string body;

    // The value of the first header of that name, whatever its case; empty if there is none.
    std::string_view header(std::string_view name) const noexcept;
};

struct http_server {
    std::string name; // in what operators read
    address where;
    std::shared_ptr<boost::asio::ssl::context> tls; // null: without
};

struct http_limits {
    std::size_t connections = 32; // of a thread
    std::size_t waiting = 1024;   // callers of a thread that wait for one of its connections
    std::size_t reply = std::size_t{1} << 20;
    std::chrono::seconds idle{20}; // below what servers and the networks before them allow
};

// One request at a time on a connection; each thread has its own. Connecting is on demand.
class http_client {
public:
    // `threads` must outlive the client, which is destroyed only when none of them runs.
    http_client(runtime& threads, http_server server, http_limits limits = {});
    ~http_client();
    http_client(const http_client&) = delete;
    http_client& operator=(const http_client&) = delete;

    // What the header Host says.
    const std::string& host() const noexcept { return host_; }

    // The reply, whatever its status. Failures: errc::timed_out past `by`, or if the connection broke after a request
    // that writes had been sent; errc::unavailable if the server did nothing. One that was not sent in full, or reads,
    // is sent once more if a kept connection turns out to have been closed. `request` must outlive the co_await.
    awaitable<result<http_reply>> call(const http_request& request, deadline by);

private:
    class lane;

    std::vector<std::shared_ptr<lane>> lanes_; // by thread
    std::string host_;
};

} // namespace coatcheck
