#pragma once
// Both protocols as one: what is sent says which it is, and so does the first byte of what comes back.

#include "backends/memcached/command.hpp"
#include "proto/error.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck::memcached {

// What append_command() adds at most.
std::size_t command_size(const command& c) noexcept;

void append_command(std::string& out, const command& c);

class reply_parser {
public:
    void feed(std::string_view bytes) { bytes_.append(bytes); }

    // The next reply that is whole; nothing if more bytes are needed. Its views are valid until the next call of the
    // parser. A failure is final: the place in the stream is lost.
    result<std::optional<reply>> next();

private:
    void drop_used();

    std::string bytes_;
    std::size_t used_ = 0; // of bytes_, by the replies before
    std::optional<wire> form_;
};

} // namespace coatcheck::memcached
