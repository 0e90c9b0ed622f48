#pragma once
// The body of an answer that is made while it is sent, and ends only when something ends it.

#include "backends/transport/runtime.hpp"

#include <cstdint>
#include <string>

namespace coatcheck {

// Used on the connection's thread alone.
class streamed_body {
public:
    enum class piece : std::uint8_t {
        some, // `out` is to be sent
        last, // the body is complete
        lost, // the client was too slow, and what comes next is not there any more
    };

    virtual ~streamed_body() = default;

    // Waits for the next piece and appends it to `out`, which must be empty. May be cancelled while it waits.
    virtual awaitable<piece> next(std::string& out) = 0;

    // The connection will be cut, because the client was too slow: a piece was lost, or not taken in time.
    virtual void give_up() noexcept = 0;
};

} // namespace coatcheck
