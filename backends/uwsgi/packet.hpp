#pragma once
// uWSGI's cache protocol, without I/O: packets of modifier 111/17, little endian.
// https://uwsgi-docs.readthedocs.io/en/latest/Protocol.html

#include "proto/error.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck::uwsgi {

// The most bytes that a value in a reply may have, so that a confused server cannot fill the memory.
constexpr std::size_t max_reply = std::size_t{64} << 20;

enum class command : std::uint8_t {
    get,
    set,    // adds; refused if there is something
    update, // adds or replaces
    del,
};

// Keys and names are at most 65535 bytes together; `value` and `lifetime` are for set and update, and neither is empty.
struct request {
    command what;
    std::string_view cache = {};
    std::string_view key = {};
    std::string_view value = {};
    std::chrono::seconds lifetime = {};
};

void append(const request& r, std::string& out);

// The one reply of a connection. The server sends one only to say yes: everything else is a connection that it closes
// without a byte.
class reply_parser {
public:
    explicit reply_parser(std::size_t limit = max_reply) : limit_(limit) {}

    // True when the reply is whole. A failure (another protocol, a status that is not "ok", too long, bytes past its
    // end) is final.
    result<bool> feed(std::string_view bytes);

    bool begun() const noexcept { return !head_.empty(); }

    // Of a whole reply: what a get asked for.
    const std::optional<std::string>& value() const noexcept { return value_; }
    std::optional<std::string> take_value() noexcept { return std::move(value_); }

private:
    result<void> read_head();

    std::size_t limit_;
    std::string head_; // the packet, without the value that follows it
    bool head_read_ = false;
    std::size_t size_ = 0; // of the value
    std::optional<std::string> value_;
};

} // namespace coatcheck::uwsgi
