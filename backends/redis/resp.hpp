#pragma once
// RESP2, without I/O: commands to bytes, bytes to replies (hiredis' reader with our own objects behind it).
// https://redis.io/docs/latest/develop/reference/protocol-spec/

#include "proto/error.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;

namespace coatcheck::redis {

// The most bytes that a reply may have, so that a confused server cannot fill the memory.
constexpr std::size_t max_reply = std::size_t{64} << 20;

struct reply {
    enum class type : std::uint8_t { nil, integer, string, status, error, array };

    type what = type::nil;
    std::int64_t number = 0;              // of an integer
    std::string_view text;                // of a string, a status, an error
    std::span<const reply> elements = {}; // of an array

    // True for an error whose first word is `code`, e.g. "NOSCRIPT".
    bool is_error(std::string_view code) const noexcept;
};

// What a parser refuses to read more of.
struct reply_limits {
    std::size_t bytes = max_reply;
    std::size_t depth = 1;       // of arrays: 1 if none is in another
    std::size_t elements = 1024; // of each array
};

class reply_parser {
public:
    explicit reply_parser(reply_limits limits = {});
    ~reply_parser();
    reply_parser(const reply_parser&) = delete;
    reply_parser& operator=(const reply_parser&) = delete;

    void feed(std::string_view bytes);

    // The next reply that is whole; nothing if more bytes are needed. Its views are valid until the next call of the
    // parser. A failure (no RESP, beyond a limit) is final: the place in the stream is lost.
    result<std::optional<reply>> next();

private:
    struct hooks;
    struct node { // of the reply being read, each array ahead of its elements; its text is a part of texts_
        reply::type what;
        std::int64_t number; // of an array: of its elements
        std::size_t text_at;
        std::size_t length;
    };

    struct reader_deleter {
        void operator()(redisReader* r) const noexcept;
    };

    bool too_long() const noexcept;
    reply view_of(std::size_t& at);

    std::unique_ptr<redisReader, reader_deleter> reader_;
    reply_limits limits_;
    std::string_view refusal_; // why a hook gave up, which hiredis would call a lack of memory
    std::string texts_;
    std::vector<node> nodes_;
    std::vector<reply> elements_; // of all arrays, those of each together
};

// Appends one command.
void append_command(std::string& out, std::span<const std::string_view> words);

// The bytes that append_command adds at most.
std::size_t command_size(std::span<const std::string_view> words) noexcept;

} // namespace coatcheck::redis
