#pragma once
// One request and its reply over a connection that nobody else uses meanwhile.

#include "backends/transport/http_client.hpp"
#include "backends/transport/stream.hpp"

#include <string>
#include <string_view>

namespace coatcheck {

struct http_exchange {
    enum class stage : std::uint8_t {
        unsent,     // the server did not get all of the request, so it did nothing
        unanswered, // not a byte came
        cut,        // what came is not a whole reply
        answered,
    };

    stage reached = stage::unsent;
    bool reusable = false; // the connection takes another request
    std::string why;       // of what is not answered
    http_reply reply;
};

// The bytes of a request; empty if a name or value in it would not stay on its line.
std::string http_bytes(const http_request& request, std::string_view host);

// Ends when the stream is closed at the latest. `request` must outlive the co_await.
awaitable<http_exchange> exchange(stream& connection, std::string_view request, std::size_t reply_limit);

} // namespace coatcheck
