#include "proto/base64.hpp"
#include "proto/json_msgpack.hpp"
#include "proto/msgpack_reader.hpp"
#include "proto/timestamp.hpp"
#include "proto/utf8.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <vector>

namespace coatcheck {

namespace {

using kind = msgpack_token::kind;

// Appends text to a string, whose size is cut to what was written at the end.
class text_buffer {
public:
    text_buffer(std::string& out, std::size_t expected) : out_(out), base_(out.size()) { make_room(expected); }

    // Where `n` more bytes can be written.
    char* room(std::size_t n)
    {
        if (static_cast<std::size_t>(end_ - at_) < n)
            make_room(n);
        return at_;
    }
    void wrote(std::size_t n) noexcept { at_ += n; }

    void put(char c)
    {
        *room(1) = c;
        ++at_;
    }
    void put(std::string_view s)
    {
        std::memcpy(room(s.size()), s.data(), s.size());
        at_ += s.size();
    }

    void rewind() noexcept { at_ = out_.data() + base_; }
    void finish() { out_.resize(static_cast<std::size_t>(at_ - out_.data())); }

private:
    void make_room(std::size_t n)
    {
        const std::size_t used = at_ == nullptr ? base_ : static_cast<std::size_t>(at_ - out_.data());
        out_.resize(std::max(used + n, (used - base_) * 2 + base_));
        at_ = out_.data() + used;
        end_ = out_.data() + out_.size();
    }

    std::string& out_;
    std::size_t base_;
    char* at_ = nullptr;
    char* end_ = nullptr;
};

// The high bit of each byte that a JSON string cannot hold as it is, or that begins a character to be checked. Bytes
// above the lowest such byte may be marked wrongly.
std::uint64_t special_bytes(std::uint64_t eight) noexcept
{
    constexpr std::uint64_t ones = 0x0101010101010101U;
    constexpr std::uint64_t high = 0x8080808080808080U;
    const std::uint64_t quote = eight ^ (ones * '"');
    const std::uint64_t backslash = eight ^ (ones * '\\');
    return ((eight - ones * 0x20) | (quote - ones) | (backslash - ones) | eight) & high;
}
static_assert(std::endian::native == std::endian::little, "special_bytes counts from the lowest byte");

// Copies the bytes that a JSON string holds as they are, up to the first other one or invalid UTF-8; how many they
// were.
std::size_t copy_plain(std::string_view from, char* to) noexcept
{
    std::size_t at = 0;
    while (at < from.size()) {
        if (from.size() - at >= 8) {
            std::uint64_t eight;
            std::memcpy(&eight, from.data() + at, 8);
            std::memcpy(to + at, &eight, 8);
            const std::uint64_t special = special_bytes(eight);
            if (special == 0) {
                at += 8;
                continue;
            }
            at += static_cast<std::size_t>(std::countr_zero(special)) / 8;
        }
        const auto c = static_cast<unsigned char>(from[at]);
        if (c >= 0x80) {
            const std::size_t n = utf8_char_length(from.substr(at));
            if (n == 0)
                return at;
            std::memcpy(to + at, from.data() + at, n);
            at += n;
        } else if (c < 0x20 || c == '"' || c == '\\') {
            return at;
        } else {
            to[at++] = static_cast<char>(c);
        }
    }
    return at;
}

std::array<char, 6> escaped(unsigned char c, std::size_t& length) noexcept
{
    constexpr std::string_view hex = "0123456789abcdef";
    constexpr std::string_view special = "\"\\\b\f\n\r\t";
    constexpr std::string_view letters = "\"\\bfnrt";
    const std::size_t short_form = special.find(static_cast<char>(c));
    if (short_form != std::string_view::npos) {
        length = 2;
        return {'\\', letters[short_form]};
    }
    length = 6;
    return {'\\', 'u', '0', '0', hex[c >> 4U], hex[c & 15U]};
}

class renderer {
public:
    renderer(std::string_view in, std::size_t most_depth, std::string& out)
        : in_(in), reader_(in), most_depth_(most_depth), text_(out, in.size() * 2 + 64)
    {}

    bool document()
    {
        if (once())
            return true;
        if (!needs_kinds_)
            return false;
        reader_ = msgpack_reader(in_);
        msgpack_token t;
        next(t);
        if (!find_kinds(t, 0))
            return false;
        kinds_known_ = true;
        text_.rewind();
        return once();
    }

    void finish() { text_.finish(); }
    const data_error& problem() const noexcept { return problem_; }

private:
    bool fail(errc code, std::size_t offset, std::string_view reason)
    {
        problem_ = {code, offset, reason};
        return false;
    }

    bool next(msgpack_token& t) { return reader_.next(t) || fail(errc::malformed, reader_.offset(), reader_.reason()); }

    bool too_deep() { return fail(errc::malformed, reader_.offset(), "nested too deeply"); }

    bool once()
    {
        reader_ = msgpack_reader(in_);
        maps_ = 0;
        msgpack_token t;
        if (!next(t))
            return false;
        if (t.what != kind::map)
            return fail(errc::not_a_map, 0, "the data is not a map");
        return put(t, 0) &&
               (reader_.at_end() || fail(errc::malformed, reader_.offset(), "something follows the MessagePack"));
    }

    bool find_kinds(const msgpack_token& t, std::size_t depth)
    {
        if (t.what != kind::map && t.what != kind::array)
            return true;
        if (++depth > most_depth_)
            return too_deep();
        const bool is_map = t.what == kind::map;
        const std::size_t here = string_keys_.size();
        if (is_map)
            string_keys_.push_back(true);
        msgpack_token inner;
        for (std::uint32_t i = 0; i < t.count; ++i) {
            if (!next(inner))
                return false;
            if (is_map) {
                if (inner.what != kind::str)
                    string_keys_[here] = false;
                if (!find_kinds(inner, depth) || !next(inner))
                    return false;
            }
            if (!find_kinds(inner, depth))
                return false;
        }
        return true;
    }

    bool value(std::size_t depth)
    {
        msgpack_token t;
        return next(t) && put(t, depth);
    }

    bool put(const msgpack_token& t, std::size_t depth)
    {
        switch (t.what) {
        case kind::nil:
            text_.put("null");
            return true;
        case kind::boolean:
            text_.put(t.is_true ? "true" : "false");
            return true;
        case kind::natural:
            put_number(t.natural);
            return true;
        case kind::negative:
            put_number(t.negative);
            return true;
        case kind::real:
            put_real(t.real);
            return true;
        case kind::str:
            return put_string(t.content, false);
        case kind::bin:
            text_.put(R"({"$bytes":")");
            put_base64(t.content);
            text_.put("\"}");
            return true;
        case kind::ext:
            put_ext(t);
            return true;
        case kind::array:
            return put_array(t.count, depth + 1);
        case kind::map:
            return put_map(t.count, depth + 1);
        }
        return false;
    }

    template <class Number>
    void put_number(Number value)
    {
        constexpr std::size_t longest = 32;
        char* const to = text_.room(longest);
        text_.wrote(static_cast<std::size_t>(std::to_chars(to, to + longest, value).ptr - to));
    }

    void put_real(double value)
    {
        if (std::isnan(value)) {
            text_.put(R"({"$float":"NaN"})");
        } else if (std::isinf(value)) {
            text_.put(value > 0 ? R"({"$float":"Infinity"})" : R"({"$float":"-Infinity"})");
        } else {
            constexpr std::size_t longest = 32;
            char* const to = text_.room(longest);
            const auto n = static_cast<std::size_t>(std::to_chars(to, to + longest, value).ptr - to);
            text_.wrote(n);
            if (std::string_view(to, n).find_first_of(".e") == std::string_view::npos)
                text_.put(".0");
        }
    }

    bool put_string(std::string_view s, bool is_key)
    {
        text_.put('"');
        if (is_key && s.starts_with('$'))
            text_.put('$');
        for (;;) {
            const std::size_t plain = copy_plain(s, text_.room(s.size()));
            text_.wrote(plain);
            s.remove_prefix(plain);
            if (s.empty())
                break;
            const auto c = static_cast<unsigned char>(s.front());
            if (c >= 0x80)
                return fail(errc::malformed, static_cast<std::size_t>(s.data() - in_.data()),
                            "invalid UTF-8 in a string");
            std::size_t length = 0;
            const auto escape = escaped(c, length);
            text_.put({escape.data(), length});
            s.remove_prefix(1);
        }
        text_.put('"');
        return true;
    }

    void put_base64(std::string_view bytes)
    {
        const std::size_t length = base64_length(bytes.size());
        base64_encode(bytes, text_.room(length + 1));
        text_.wrote(length);
    }

    void put_ext(const msgpack_token& t)
    {
        if (t.ext_type == timestamp_type) {
            std::array<char, rfc3339_max_length> text;
            const auto time = read_timestamp(t.content);
            const std::size_t length = time ? write_rfc3339(*time, text.data()) : 0;
            if (length != 0) {
                text_.put(R"({"$time":")");
                text_.put({text.data(), length});
                text_.put("\"}");
                return;
            }
        }
        text_.put(R"({"$ext":[)");
        put_number(static_cast<int>(t.ext_type));
        text_.put(",\"");
        put_base64(t.content);
        text_.put("\"]}");
    }

    bool put_array(std::uint32_t items, std::size_t depth)
    {
        if (depth > most_depth_)
            return too_deep();
        text_.put('[');
        for (std::uint32_t i = 0; i < items; ++i) {
            if (i != 0)
                text_.put(',');
            if (!value(depth))
                return false;
        }
        text_.put(']');
        return true;
    }

    bool put_map(std::uint32_t pairs, std::size_t depth)
    {
        if (depth > most_depth_)
            return too_deep();
        if (kinds_known_ && !string_keys_[maps_++] && depth != 1)
            return put_pairs(pairs, depth);
        text_.put('{');
        for (std::uint32_t i = 0; i < pairs; ++i) {
            if (i != 0)
                text_.put(',');
            msgpack_token key;
            if (!next(key))
                return false;
            if (key.what != kind::str) {
                needs_kinds_ = depth != 1;
                return fail(errc::not_a_map, static_cast<std::size_t>(key.encoding.data() - in_.data()),
                            "the data has a key that is not a string");
            }
            if (!put_string(key.content, true))
                return false;
            text_.put(':');
            if (!value(depth))
                return false;
        }
        text_.put('}');
        return true;
    }

    bool put_pairs(std::uint32_t pairs, std::size_t depth)
    {
        text_.put(R"({"$map":[)");
        for (std::uint32_t i = 0; i < pairs; ++i) {
            text_.put(i == 0 ? "[" : ",[");
            if (!value(depth))
                return false;
            text_.put(',');
            if (!value(depth))
                return false;
            text_.put(']');
        }
        text_.put("]}");
        return true;
    }

    std::string_view in_;
    msgpack_reader reader_;
    std::size_t most_depth_;
    // Which maps have string keys alone shows only behind their first entries. So all are taken for such maps, and only
    // a document that has another is looked through first. In the order in which the maps begin.
    std::vector<bool> string_keys_;
    std::size_t maps_ = 0; // begun so far
    bool needs_kinds_ = false;
    bool kinds_known_ = false;
    text_buffer text_;
    data_error problem_{};
};

} // namespace

data_result<void> msgpack_to_json(std::string_view msgpack, const data_limits& limits, std::string& out)
{
    if (msgpack.size() > std::min(limits.bytes, max_document_bytes))
        return data_error{errc::too_large, 0, "the data is too large"};
    renderer render(msgpack, limits.depth, out);
    const bool ok = render.document();
    render.finish();
    if (!ok)
        return render.problem();
    return {};
}

} // namespace coatcheck
