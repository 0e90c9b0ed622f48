#include "proto/json_escape.hpp"
#include "proto/json_msgpack.hpp"
#include "proto/msgpack_builder.hpp"
#include "proto/utf8.hpp"

#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>

namespace coatcheck {

namespace {

using boost::system::error_code;
using text_view = boost::json::string_view;

enum class shape : std::uint8_t { scalar, integer, text, array, object };

struct frame {
    enum class kind : std::uint8_t {
        object,
        array,
        escape,    // the object around "$bytes" and the like
        pairs,     // the array of "$map"
        pair,      // in it: a key and its value
        ext_items, // the array of "$ext"
    };

    kind what;
    json_escape stands_for{};
    std::int8_t ext_type = 0;
    std::size_t items = 0; // so far
    msgpack_builder::container written{};
};

// Working memory, kept for the next document.
struct memory {
    msgpack_builder built;
    std::vector<frame> frames;
    std::string text;    // a string that comes in pieces because it has escapes
    std::string decoded; // from base64
};

// Working memory that is given back after an unusual document.
constexpr std::size_t usual_text = 1U << 16U;

// Receives Boost.JSON's events and writes what they mean.
class event_writer {
public:
    static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_array_size = max_object_size;
    static constexpr std::size_t max_key_size = max_object_size;
    static constexpr std::size_t max_string_size = max_object_size;

    event_writer(memory& m, std::size_t most_depth)
        : built_(m.built), frames_(m.frames), text_(m.text), decoded_(m.decoded), pack_(m.built),
          most_depth_(most_depth)
    {
        frames_.clear();
    }

    // What was wrong beside the syntax.
    const std::optional<data_error>& problem() const noexcept { return problem_; }

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_comment_part(text_view, error_code&) { return true; }
    bool on_comment(text_view, error_code&) { return true; }
    bool on_number_part(text_view, error_code&) { return true; }

    bool on_object_begin(error_code& ec)
    {
        if (!accept(shape::object, ec))
            return false;
        // That it is no deeper than allowed shows with the first key: an escape is not a map.
        ++depth_;
        frames_.push_back({.what = frame::kind::object, .written = built_.open()});
        return true;
    }

    bool on_object_end(std::size_t, error_code& ec)
    {
        const frame& f = frames_.back();
        if (f.what == frame::kind::object) {
            if (f.items == 0 && depth_ > most_depth_)
                return too_deep(ec);
            built_.close_map(f.written);
            --depth_;
        }
        frames_.pop_back();
        return true;
    }

    bool on_key_part(text_view s, std::size_t n, error_code&) { return add_piece(s, n); }

    bool on_key(text_view s, std::size_t n, error_code& ec)
    {
        std::string_view key = whole(s, n);
        frame& f = frames_.back();
        if (f.what != frame::kind::object)
            return mixed(ec);
        if (key.starts_with('$')) {
            if (!key.starts_with("$$"))
                return escape(key, ec);
            key.remove_prefix(1);
        }
        if (f.items++ == 0 && depth_ > most_depth_)
            return too_deep(ec);
        built_.write_key(key);
        return true;
    }

    bool on_array_begin(error_code& ec)
    {
        if (!accept(shape::array, ec))
            return false;
        const frame& around = frames_.back();
        if (around.what == frame::kind::pairs) {
            frames_.push_back({.what = frame::kind::pair});
            built_.begin_key();
            return true;
        }
        if (around.what != frame::kind::escape)
            return open(frame::kind::array, ec);
        if (around.stands_for == json_escape::map)
            return open(frame::kind::pairs, ec);
        frames_.push_back({.what = frame::kind::ext_items});
        return true;
    }

    bool on_array_end(std::size_t, error_code& ec)
    {
        const frame& f = frames_.back();
        switch (f.what) {
        case frame::kind::pairs:
            built_.close_map(f.written);
            --depth_;
            break;
        case frame::kind::pair:
            if (f.items != 2)
                return bad_pair(ec);
            break;
        case frame::kind::ext_items:
            if (f.items != 2)
                return bad_ext(ec);
            break;
        default:
            built_.close_array(f.written, f.items);
            --depth_;
        }
        frames_.pop_back();
        return true;
    }

    bool on_string_part(text_view s, std::size_t n, error_code&) { return add_piece(s, n); }

    bool on_string(text_view s, std::size_t n, error_code& ec)
    {
        if (!accept(shape::text, ec))
            return false;
        const std::string_view text = whole(s, n);
        const frame& around = frames_.back();
        if (around.what == frame::kind::escape) {
            const std::string_view reason = write_escaped(around.stands_for, text, decoded_, built_);
            return reason.empty() || malformed(reason, ec);
        }
        if (around.what == frame::kind::ext_items)
            return write_escaped_ext(around.ext_type, text, decoded_, built_) || bad_ext(ec);
        built_.write_str(text);
        return true;
    }

    bool on_int64(std::int64_t value, text_view, error_code& ec)
    {
        if (!accept(shape::integer, ec))
            return false;
        if (frame& f = frames_.back(); f.what == frame::kind::ext_items) {
            f.ext_type = static_cast<std::int8_t>(value);
            return f.ext_type == value || bad_ext(ec);
        }
        pack_.pack_int64(value);
        return true;
    }

    bool on_uint64(std::uint64_t value, text_view, error_code& ec)
    {
        if (!accept(shape::integer, ec))
            return false;
        if (frames_.back().what == frame::kind::ext_items)
            return bad_ext(ec);
        pack_.pack_uint64(value);
        return true;
    }

    // `about` is not correctly rounded, and an integer that was too large.
    bool on_double(double about, text_view s, error_code& ec)
    {
        if (!accept(shape::scalar, ec))
            return false;
        const std::string_view text = s;
        if (std::abs(about) >= 0x1p63 && text.find_first_of(".eE") == std::string_view::npos)
            return malformed("an integer of more than 64 bits", ec);
        double value = 0;
        if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{}) {
            if (std::abs(about) >= 1)
                return malformed(number_range, ec);
            value = std::copysign(0.0, about);
        }
        built_.write_real(value);
        return true;
    }

    bool on_bool(bool value, error_code& ec)
    {
        if (!accept(shape::scalar, ec))
            return false;
        value ? pack_.pack_true() : pack_.pack_false();
        return true;
    }

    bool on_null(error_code& ec)
    {
        if (!accept(shape::scalar, ec))
            return false;
        pack_.pack_nil();
        return true;
    }

    static constexpr std::string_view number_range = "a number beyond the range of a double";
    static constexpr std::string_view depth_reason = "nested too deeply";

private:
    bool fail(errc code, std::string_view reason, error_code& ec)
    {
        problem_ = {code, 0, reason};
        ec = boost::json::error::exception;
        return false;
    }
    bool malformed(std::string_view reason, error_code& ec) { return fail(errc::malformed, reason, ec); }
    bool too_deep(error_code& ec) { return malformed(depth_reason, ec); }
    bool bad_ext(error_code& ec) { return malformed("$ext takes [type, base64], the type from -128 to 127", ec); }
    bool bad_pair(error_code& ec) { return malformed("each item of $map is an array of a key and a value", ec); }
    bool mixed(error_code& ec)
    {
        return malformed(
            "an escape such as $bytes stands alone in its object; a key that begins with $ is written with $$", ec);
    }

    // Is a value of this shape allowed where the document is now? Then it is the next one.
    bool accept(shape s, error_code& ec)
    {
        if (frames_.empty())
            return s == shape::object || fail(errc::not_a_map, "the data is not an object", ec);
        frame& f = frames_.back();
        if (f.what == frame::kind::object)
            return true;
        if (f.what == frame::kind::array) {
            ++f.items;
            return true;
        }
        if (f.what == frame::kind::pair) {
            if (f.items == 1)
                built_.end_key();
            ++f.items;
            return true;
        }
        if (f.what == frame::kind::pairs)
            return s == shape::array || bad_pair(ec);
        if (f.what == frame::kind::ext_items)
            return s == (f.items++ == 0 ? shape::integer : shape::text) || bad_ext(ec);
        if (f.stands_for == json_escape::map)
            return s == shape::array || malformed("$map takes an array of pairs", ec);
        if (f.stands_for == json_escape::ext)
            return s == shape::array || bad_ext(ec);
        return s == shape::text || malformed("$bytes, $time and $float take a string", ec);
    }

    bool open(frame::kind what, error_code& ec)
    {
        if (++depth_ > most_depth_)
            return too_deep(ec);
        frames_.push_back({.what = what, .written = built_.open()});
        return true;
    }

    // The object that was just opened is none, but stands for another value.
    bool escape(std::string_view key, error_code& ec)
    {
        const auto found = find_json_escape(key);
        if (!found)
            return malformed("an unknown escape; a key that begins with $ is written with $$", ec);
        frame& f = frames_.back();
        if (f.items != 0)
            return mixed(ec);
        if (frames_.size() == 1)
            return fail(errc::not_a_map, "the data is not a map with string keys", ec);
        built_.cancel(f.written);
        --depth_;
        f.what = frame::kind::escape;
        f.stands_for = *found;
        return true;
    }

    bool add_piece(std::string_view s, std::size_t so_far)
    {
        if (so_far == s.size())
            text_.clear();
        text_.append(s);
        return true;
    }

    std::string_view whole(std::string_view s, std::size_t all)
    {
        if (all == s.size())
            return s;
        text_.append(s);
        return text_;
    }

    msgpack_builder& built_;
    std::vector<frame>& frames_;
    std::string& text_;
    std::string& decoded_;
    msgpack::packer<msgpack_builder> pack_;
    std::size_t most_depth_;
    std::size_t depth_ = 0; // of the MessagePack
    std::optional<data_error> problem_;
};

std::string_view reason_of(const error_code& ec, std::string_view from_there)
{
    using boost::json::error;
    if (ec == error::incomplete)
        return "the JSON is cut short";
    if (ec == error::too_deep)
        return event_writer::depth_reason;
    if (ec == error::exponent_overflow)
        return event_writer::number_range;
    if (ec == error::illegal_leading_surrogate || ec == error::illegal_trailing_surrogate)
        return "half of a surrogate pair";
    if (!from_there.empty() && utf8_char_length(from_there) == 0)
        return "invalid UTF-8";
    return "invalid JSON";
}

template <class T>
void give_back(T& buffer)
{
    if (buffer.capacity() > usual_text)
        T().swap(buffer);
}

} // namespace

data_result<void> json_to_msgpack(std::string_view json, const data_limits& limits, std::string& out)
{
    thread_local memory m;
    if (json.size() > max_document_bytes)
        return data_error{errc::too_large, 0, "the JSON is too large"};
    // Numbers apart, what is written is no longer than what was read.
    m.built.start(out, limits.bytes, std::min(json.size(), limits.bytes) + 16);
    boost::json::parse_options options;
    // "$map" nests three deep for one level, "$ext" two for none; event_writer counts the real ones.
    options.max_depth = 3 * limits.depth + 6;
    boost::json::basic_parser<event_writer> parser(options, m, limits.depth);
    error_code ec;
    const std::size_t read = parser.write_some(false, json.data(), json.size(), ec);
    const bool too_large = m.built.too_large();
    m.built.finish();
    give_back(m.text);
    give_back(m.decoded);

    if (auto problem = parser.handler().problem()) {
        problem->offset = read;
        return *problem;
    }
    if (ec)
        return data_error{errc::malformed, read, reason_of(ec, json.substr(read))};
    if (read != json.size())
        return data_error{errc::malformed, read, "something follows the JSON"};
    if (too_large)
        return data_error{errc::too_large, read, "the data is too large"};
    return {};
}

void throw_exception_from_error(const data_error& e, const boost::source_location& where)
{
    throw std::logic_error("unchecked failure at " + std::string(where.file_name()) + ": " + std::string(e.reason));
}

} // namespace coatcheck
