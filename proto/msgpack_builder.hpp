#pragma once
// Writes MessagePack front to back although a container's size shows only at its end, and drops duplicate keys.

#include "proto/short_text.hpp"

#include <msgpack/pack.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coatcheck {

// Past its limit it drops what is written and remembers that in too_large(). Made to be used again and again: it keeps
// its working memory.
class msgpack_builder {
public:
    // A map or an array that is being written.
    struct container {
        std::uint32_t header_at;
        std::uint32_t header_size;
        std::uint32_t first_key;
    };

    // Appends to `out`, which must stay where it is until finish(). `limit` is in bytes, below 1 GiB; `expected` bytes
    // are made room for at once.
    void start(std::string& out, std::size_t limit, std::size_t expected);

    // Cuts the output to what was written.
    void finish();

    bool too_large() const noexcept { return too_large_ || size() > limit_; }

    // As the output stream of msgpack::packer wants it.
    void write(const char* bytes, std::size_t n)
    {
        if (static_cast<std::size_t>(end_ - at_) < n && !grow(n)) [[unlikely]]
            return;
        copy_bytes(at_, bytes, n);
        at_ += n;
    }

    // A float64, also of a whole number, which msgpack::packer would make an integer. There is one NaN.
    void write_real(double value);
    void write_str(std::string_view text);
    void write_bin(std::string_view bytes);
    // A timestamp takes its shortest form, whatever the length of `content`.
    void write_ext(std::int8_t type, std::string_view content);

    // With `expected` items in the end nothing has to be moved.
    container open(std::size_t expected = 0);
    // Takes open() back, before anything else was written.
    void cancel(const container& c) noexcept { at_ = begin_ + c.header_at; }
    void close_array(const container& c, std::size_t items);
    // Of keys that are equal byte for byte drops all but the last, with their values.
    void close_map(const container& c);

    // A key of a map whose keys that are strings all come this way.
    void write_key(std::string_view text);
    // Around any other key. Equal keys must have equal bytes, so each takes the shortest form.
    void begin_key() { keys_.push_back({static_cast<std::uint32_t>(size()), 0, 0, false}); }
    void end_key() noexcept;

private:
    struct key {
        std::uint32_t begin;
        std::uint32_t length;
        std::uint32_t print; // equal for equal keys, mostly different for different ones
        bool dropped;
    };

    std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
    std::string_view bytes_of(const key& k) const noexcept { return {begin_ + k.begin, k.length}; }
    bool grow(std::size_t n);
    void place_header(const container& c, bool map, std::size_t items);
    bool mark_duplicates(std::span<key> keys);
    bool mark_duplicates_sorted(std::span<key> keys);
    std::size_t drop_marked(std::span<const key> keys) noexcept;

    std::string* out_ = nullptr;
    std::size_t base_ = 0; // what was in the output before
    std::size_t limit_ = 0;
    char* begin_ = nullptr;
    char* at_ = nullptr;
    char* end_ = nullptr;
    bool too_large_ = false;
    std::vector<key> keys_;             // of all open maps, the innermost one's last
    std::vector<std::uint64_t> sorted_; // print and index of one map's keys
};

} // namespace coatcheck
