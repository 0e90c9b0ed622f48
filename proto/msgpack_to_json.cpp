#include "proto/json_msgpack.hpp"
#include "proto/json_text.hpp"
#include "proto/msgpack_reader.hpp"
#include "proto/timestamp.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace coatcheck {

namespace {

using kind = msgpack_token::kind;

// Shows one document.
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
        text_.clear();
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
            text_.integer(t.natural);
            return true;
        case kind::negative:
            text_.integer(t.negative);
            return true;
        case kind::real:
            put_real(t.real);
            return true;
        case kind::str:
            return put_string(t.content);
        case kind::bin:
            text_.put(R"({"$bytes":")");
            text_.base64(t.content);
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

    void put_real(double value)
    {
        if (std::isnan(value))
            text_.put(R"({"$float":"NaN"})");
        else if (std::isinf(value))
            text_.put(value > 0 ? R"({"$float":"Infinity"})" : R"({"$float":"-Infinity"})");
        else
            text_.real(value);
    }

    bool put_string(std::string_view s, std::string_view prefix = {})
    {
        const std::size_t valid = text_.string(s, prefix);
        return valid == s.size() || fail(errc::malformed, static_cast<std::size_t>(s.data() - in_.data()) + valid,
                                         "invalid UTF-8 in a string");
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
        text_.integer(std::int64_t{t.ext_type});
        text_.put(",\"");
        text_.base64(t.content);
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
            if (!put_string(key.content, key.content.starts_with('$') ? std::string_view("$") : std::string_view()))
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
            if (i != 0)
                text_.put(',');
            text_.put('[');
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
    json_text text_;
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
