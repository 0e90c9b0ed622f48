#include "proto/msgpack_builder.hpp"

#include "proto/short_text.hpp"
#include "proto/timestamp.hpp"

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace coatcheck {

namespace {

// Beyond this many keys comparing each with each costs more than sorting, and soon more than the caller may spend.
constexpr std::size_t few_keys = 32;

// Working memory that is given back after an unusual document.
constexpr std::size_t usual_keys = 4096;

constexpr std::uint32_t header_size(std::size_t items) noexcept
{
    return items < 16 ? 1 : items < 65536 ? 3 : 5;
}

struct header {
    std::array<char, 5> bytes{};
    std::size_t size = 0;

    void write(const char* from, std::size_t n) noexcept
    {
        std::memcpy(bytes.data() + size, from, n);
        size += n;
    }
};

// A fingerprint from both ends. Hostile keys may share it: then they are compared, in order, not each with each.
std::uint32_t fingerprint(std::string_view bytes) noexcept
{
    const std::uint64_t first = gather(bytes.substr(0, 8));
    const std::uint64_t last = bytes.size() > 8 ? gather(bytes.substr(bytes.size() - 8)) : 0;
    const std::uint64_t mixed = (first ^ (last * 0x9e3779b97f4a7c15U) ^ bytes.size()) * 0xff51afd7ed558ccdU;
    return static_cast<std::uint32_t>(mixed >> 32U);
}

} // namespace

void msgpack_builder::start(std::string& out, std::size_t limit, std::size_t expected)
{
    out_ = &out;
    base_ = out.size();
    limit_ = limit;
    too_large_ = false;
    keys_.clear();
    out.resize(base_ + expected);
    begin_ = at_ = out.data() + base_;
    end_ = begin_ + expected;
}

void msgpack_builder::finish()
{
    out_->resize(base_ + size());
    if (keys_.capacity() > usual_keys) {
        std::vector<key>().swap(keys_);
        std::vector<std::uint64_t>().swap(sorted_);
    }
}

bool msgpack_builder::grow(std::size_t n)
{
    // Values that a later duplicate drops may pass the limit for a while.
    const std::size_t most = limit_ * 2 + 64;
    const std::size_t used = size();
    if (n > most - used) {
        too_large_ = true;
        return false;
    }
    const std::size_t room = std::min(std::max(used * 2, used + n), most);
    out_->resize(base_ + room);
    begin_ = out_->data() + base_;
    at_ = begin_ + used;
    end_ = begin_ + room;
    return true;
}

void msgpack_builder::write_real(double value)
{
    if (std::isnan(value))
        value = std::numeric_limits<double>::quiet_NaN();
    std::array<char, 9> bytes{'\xcb'};
    boost::endian::endian_store<double, 8, boost::endian::order::big>(
        reinterpret_cast<unsigned char*>(bytes.data() + 1), value);
    write(bytes.data(), bytes.size());
}

void msgpack_builder::write_str(std::string_view text)
{
    constexpr std::size_t most_fixstr = 31;
    if (text.size() <= most_fixstr && end_ - at_ > static_cast<std::ptrdiff_t>(most_fixstr)) [[likely]] {
        *at_ = static_cast<char>(0xa0U | text.size());
        copy_bytes(at_ + 1, text.data(), text.size());
        at_ += 1 + text.size();
        return;
    }
    msgpack::packer<msgpack_builder>(*this).pack_str(static_cast<std::uint32_t>(text.size()));
    write(text.data(), text.size());
}

void msgpack_builder::write_bin(std::string_view bytes)
{
    msgpack::packer<msgpack_builder>(*this).pack_bin(static_cast<std::uint32_t>(bytes.size()));
    write(bytes.data(), bytes.size());
}

void msgpack_builder::write_ext(std::int8_t type, std::string_view content)
{
    std::array<char, 12> shortest;
    if (type == timestamp_type) {
        if (const auto t = read_timestamp(content))
            content = {shortest.data(), write_timestamp(*t, shortest)};
    }
    msgpack::packer<msgpack_builder>(*this).pack_ext(content.size(), type);
    write(content.data(), content.size());
}

msgpack_builder::container msgpack_builder::open(std::size_t expected)
{
    const container c{static_cast<std::uint32_t>(size()), header_size(expected),
                      static_cast<std::uint32_t>(keys_.size())};
    constexpr header blank;
    write(blank.bytes.data(), c.header_size);
    return c;
}

void msgpack_builder::place_header(const container& c, bool map, std::size_t items)
{
    header h;
    msgpack::packer<header> pack(h);
    if (map)
        pack.pack_map(static_cast<std::uint32_t>(items));
    else
        pack.pack_array(static_cast<std::uint32_t>(items));
    const std::size_t content = size() - c.header_at - c.header_size;
    if (h.size > c.header_size)
        write(h.bytes.data(), h.size - c.header_size); // only to have the room
    if (too_large_)
        return;
    char* const at = begin_ + c.header_at;
    if (h.size != c.header_size) {
        std::memmove(at + h.size, at + c.header_size, content);
        at_ = at + h.size + content;
    }
    std::memcpy(at, h.bytes.data(), h.size);
}

void msgpack_builder::close_array(const container& c, std::size_t items)
{
    place_header(c, false, items);
}

void msgpack_builder::write_key(std::string_view text)
{
    // Taken from `text`: to read back what has just been written waits for the store.
    keys_.push_back({static_cast<std::uint32_t>(size()), 0, fingerprint(text), false});
    write_str(text);
    keys_.back().length = static_cast<std::uint32_t>(size()) - keys_.back().begin;
}

void msgpack_builder::end_key() noexcept
{
    key& k = keys_.back();
    k.length = static_cast<std::uint32_t>(size()) - k.begin;
    k.print = fingerprint(bytes_of(k));
}

void msgpack_builder::close_map(const container& c)
{
    const std::span<key> keys(keys_.begin() + c.first_key, keys_.end());
    std::size_t items = keys.size();
    if (!too_large_ && mark_duplicates(keys))
        items = drop_marked(keys);
    place_header(c, true, items);
    keys_.resize(c.first_key);
}

bool msgpack_builder::mark_duplicates(std::span<key> keys)
{
    if (keys.size() > few_keys)
        return mark_duplicates_sorted(keys);
    bool any = false;
    for (std::size_t i = 0; i + 1 < keys.size(); ++i) {
        for (std::size_t j = i + 1; j < keys.size(); ++j) {
            if (keys[i].print == keys[j].print && bytes_of(keys[i]) == bytes_of(keys[j])) {
                keys[i].dropped = any = true;
                break;
            }
        }
    }
    return any;
}

// At most n log n comparisons, whatever the keys: a hash set would need a keyed hash to promise that.
bool msgpack_builder::mark_duplicates_sorted(std::span<key> keys)
{
    sorted_.clear();
    for (std::size_t i = 0; i < keys.size(); ++i)
        sorted_.push_back(std::uint64_t{keys[i].print} << 32U | i);
    std::ranges::sort(sorted_);

    const auto key_at = [&](std::uint64_t entry) -> key& { return keys[static_cast<std::uint32_t>(entry)]; };
    bool any = false;
    for (auto run = sorted_.begin(); run != sorted_.end();) {
        const auto end = std::find_if(run + 1, sorted_.end(), [&](auto entry) { return entry >> 32U != *run >> 32U; });
        if (end - run > 1) {
            std::sort(run, end, [&](auto a, auto b) {
                const int order = bytes_of(key_at(a)).compare(bytes_of(key_at(b)));
                return order != 0 ? order < 0 : a < b;
            });
            for (auto at = run; at + 1 != end; ++at) {
                if (bytes_of(key_at(at[0])) == bytes_of(key_at(at[1])))
                    key_at(at[0]).dropped = any = true;
            }
        }
        run = end;
    }
    return any;
}

std::size_t msgpack_builder::drop_marked(std::span<const key> keys) noexcept
{
    std::size_t kept = 0;
    char* to = begin_ + keys.front().begin;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (keys[i].dropped)
            continue;
        const char* const from = begin_ + keys[i].begin;
        const char* const end = i + 1 < keys.size() ? begin_ + keys[i + 1].begin : at_;
        std::memmove(to, from, static_cast<std::size_t>(end - from));
        to += end - from;
        ++kept;
    }
    at_ = to;
    return kept;
}

} // namespace coatcheck
