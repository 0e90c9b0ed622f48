#pragma once
// Reads MessagePack token by token. msgpack-cxx's parser tells a visitor neither where a token lies nor how wide it was
// written, both of which a faithful copy needs.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coatcheck {

struct msgpack_token {
    enum class kind : std::uint8_t { nil, boolean, natural, negative, real, str, bin, ext, array, map };

    kind what = kind::nil;
    bool is_true = false;
    std::int8_t ext_type = 0;
    std::uint32_t count = 0;   // items of an array, pairs of a map
    std::uint64_t natural = 0; // an integer that is not negative
    std::int64_t negative = 0;
    double real = 0;           // either width
    std::string_view content;  // of str, bin and ext; str is not checked for UTF-8
    std::string_view encoding; // the token's own bytes; of an array or map its header
};

class msgpack_reader {
public:
    // `in` must outlive the reader and its tokens.
    explicit msgpack_reader(std::string_view in) noexcept : begin_(in.data()), at_(begin_), end_(begin_ + in.size()) {}

    // Reads the next token into the fields of `t` that its kind has; false if it is cut short, or begins with 0xc1,
    // which has no meaning.
    bool next(msgpack_token& t) noexcept;

    // Where the next token begins; after a failure, where it shows.
    std::size_t offset() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
    // What is wrong there, after a failure.
    std::string_view reason() const noexcept
    {
        return at_end() ? "the MessagePack is cut short" : "a byte that is no MessagePack";
    }
    bool at_end() const noexcept { return at_ == end_; }

private:
    const char* begin_;
    const char* at_;
    const char* end_;
};

// Whether `bytes` are one whole map and nothing behind it. What is in its strings is not looked at.
bool is_one_map(std::string_view bytes) noexcept;

} // namespace coatcheck
