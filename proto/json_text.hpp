#pragma once
// Writes JSON: the text of values, one after the other, without knowing where in a document they stand.

#include "proto/short_text.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace coatcheck {

class json_text {
public:
    // Appends to `out`, which must stay where it is until finish(). `expected` bytes are made room for at once.
    json_text(std::string& out, std::size_t expected);

    // Cuts the output to what was written.
    void finish();
    // Takes everything back.
    void clear() noexcept;

    void put(char c)
    {
        *room(1) = c;
        ++at_;
    }
    void put(std::string_view text)
    {
        copy_bytes(room(text.size()), text.data(), text.size());
        at_ += text.size();
    }

    void integer(std::uint64_t value);
    void integer(std::int64_t value);
    // With a `.` or an exponent, so that it comes back as a float; the shortest text that does. `value` is finite.
    void real(double value);
    // The digits alone, without quotes.
    void base64(std::string_view bytes);
    // `text` within quotes, `prefix` ahead of it. Returns how much of it is valid UTF-8; less than all of it is a
    // failure.
    std::size_t string(std::string_view text, std::string_view prefix = {});

private:
    char* room(std::size_t n)
    {
        if (static_cast<std::size_t>(end_ - at_) < n) [[unlikely]]
            grow(n);
        return at_;
    }
    void grow(std::size_t n);
    template <class Integer>
    void put_integer(Integer value);

    std::string& out_;
    std::size_t base_; // what was in the output before
    char* at_;
    char* end_;
};

} // namespace coatcheck
