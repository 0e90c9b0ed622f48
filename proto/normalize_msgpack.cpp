#include "proto/json_msgpack.hpp"
#include "proto/msgpack_builder.hpp"
#include "proto/msgpack_reader.hpp"
#include "proto/utf8.hpp"

#include <algorithm>

namespace coatcheck {

namespace {

using kind = msgpack_token::kind;

// Copies one document.
class copier {
public:
    copier(std::string_view in, std::size_t most_depth, msgpack_builder& built)
        : in_(in), reader_(in), most_depth_(most_depth), built_(built)
    {}

    bool document()
    {
        msgpack_token t;
        if (!next(t))
            return false;
        if (t.what != kind::map)
            return fail(errc::not_a_map, 0, "the data is not a map");
        return map(t, 1, false) &&
               (reader_.at_end() || fail(errc::malformed, reader_.offset(), "something follows the MessagePack"));
    }

    const data_error& problem() const noexcept { return problem_; }

private:
    bool fail(errc code, std::size_t offset, std::string_view reason)
    {
        problem_ = {code, offset, reason};
        return false;
    }

    bool next(msgpack_token& t) { return reader_.next(t) || fail(errc::malformed, reader_.offset(), reader_.reason()); }

    // `in_key`: as a key or inside of one.
    bool value(std::size_t depth, bool in_key)
    {
        msgpack_token t;
        return next(t) && copy(t, depth, in_key);
    }

    bool copy(const msgpack_token& t, std::size_t depth, bool in_key)
    {
        if (t.what == kind::map)
            return map(t, depth + 1, in_key);
        if (t.what == kind::array)
            return array(t, depth + 1, in_key);
        if (t.what == kind::str && !is_text(t))
            return false;
        if (in_key)
            put_shortest(t);
        else
            built_.write(t.encoding.data(), t.encoding.size());
        return true;
    }

    bool map(const msgpack_token& head, std::size_t depth, bool in_key)
    {
        if (depth > most_depth_)
            return too_deep();
        const auto written = built_.open(head.count);
        msgpack_token key;
        for (std::uint32_t i = 0; i < head.count; ++i) {
            if (!next(key))
                return false;
            if (depth == 1 && key.what != kind::str)
                return fail(errc::not_a_map, offset_of(key.encoding), "the data has a key that is not a string");
            if (key.what == kind::str) {
                if (!is_text(key))
                    return false;
                built_.write_key(key.content);
            } else {
                built_.begin_key();
                if (!copy(key, depth, true))
                    return false;
                built_.end_key();
            }
            if (!value(depth, in_key))
                return false;
        }
        built_.close_map(written);
        return true;
    }

    bool array(const msgpack_token& head, std::size_t depth, bool in_key)
    {
        if (depth > most_depth_)
            return too_deep();
        const auto written = built_.open(head.count);
        for (std::uint32_t i = 0; i < head.count; ++i) {
            if (!value(depth, in_key))
                return false;
        }
        built_.close_array(written, head.count);
        return true;
    }

    void put_shortest(const msgpack_token& t)
    {
        msgpack::packer<msgpack_builder> pack(built_);
        switch (t.what) {
        case kind::natural:
            pack.pack_uint64(t.natural);
            break;
        case kind::negative:
            pack.pack_int64(t.negative);
            break;
        case kind::real:
            built_.write_real(t.real);
            break;
        case kind::str:
            built_.write_str(t.content);
            break;
        case kind::bin:
            built_.write_bin(t.content);
            break;
        case kind::ext:
            built_.write_ext(t.ext_type, t.content);
            break;
        default:
            built_.write(t.encoding.data(), t.encoding.size());
        }
    }

    bool is_text(const msgpack_token& t)
    {
        const std::size_t valid = valid_utf8_prefix(t.content);
        return valid == t.content.size() ||
               fail(errc::malformed, offset_of(t.content) + valid, "invalid UTF-8 in a string");
    }

    bool too_deep() { return fail(errc::malformed, reader_.offset(), "nested too deeply"); }

    std::size_t offset_of(std::string_view part) const { return static_cast<std::size_t>(part.data() - in_.data()); }

    std::string_view in_;
    msgpack_reader reader_;
    std::size_t most_depth_;
    msgpack_builder& built_;
    data_error problem_{};
};

} // namespace

data_result<void> normalize_msgpack(std::string_view msgpack, const data_limits& limits, std::string& out)
{
    if (msgpack.size() > std::min(limits.bytes, max_document_bytes))
        return data_error{errc::too_large, 0, "the data is too large"};
    thread_local msgpack_builder built;
    built.start(out, limits.bytes, msgpack.size() + 16);
    copier copy(msgpack, limits.depth, built);
    const bool ok = copy.document();
    const bool too_large = built.too_large();
    built.finish();
    if (!ok)
        return copy.problem();
    // A float in a key takes the longer form.
    if (too_large)
        return data_error{errc::too_large, msgpack.size(), "the data is too large"};
    return {};
}

} // namespace coatcheck
