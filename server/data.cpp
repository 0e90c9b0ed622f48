#include "server/data.hpp"

#include "proto/msgpack_reader.hpp"

#include <boost/beast/core/string.hpp>

#include <charconv>

namespace coatcheck {

namespace {

std::string_view trimmed(std::string_view s) noexcept
{
    const auto first = s.find_first_not_of(" \t");
    if (first == s.npos)
        return {};
    return s.substr(first, s.find_last_not_of(" \t") - first + 1);
}

bool equals(std::string_view a, std::string_view b) noexcept
{
    return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

// A media range or type and its quality, 0 to 1000.
struct weighted {
    std::string_view type;
    int quality = 1000;
};

// RFC 9110 §12.4.2: at most three digits behind the point.
int quality_of(std::string_view text) noexcept
{
    if (text.empty() || (text.front() != '0' && text.front() != '1'))
        return 0;
    int value = (text.front() - '0') * 1000;
    int scale = 100;
    for (std::size_t i = 2; i < text.size() && i < 5 && text[1] == '.' && text[i] >= '0' && text[i] <= '9'; ++i) {
        value += (text[i] - '0') * scale;
        scale /= 10;
    }
    return value > 1000 ? 1000 : value;
}

weighted parse_range(std::string_view item) noexcept
{
    weighted w;
    auto semicolon = item.find(';');
    w.type = trimmed(item.substr(0, semicolon));
    while (semicolon != item.npos) {
        item.remove_prefix(semicolon + 1);
        semicolon = item.find(';');
        const auto parameter = trimmed(item.substr(0, semicolon));
        if (parameter.size() > 2 && (parameter[0] == 'q' || parameter[0] == 'Q') && parameter[1] == '=')
            w.quality = quality_of(parameter.substr(2));
    }
    return w;
}

constexpr struct {
    std::string_view name;
    media_type type;
} offered[] = {{"application/json", media_type::json},
               {"application/msgpack", media_type::msgpack},
               {"application/vnd.msgpack", media_type::vnd_msgpack}};

std::optional<media_type> named(std::string_view name) noexcept
{
    for (const auto& o : offered)
        if (equals(name, o.name))
            return o.type;
    return std::nullopt;
}

std::string_view sent_type(const request& r) noexcept
{
    const auto value = r.get(single_field::content_type);
    return trimmed(value.substr(0, value.find(';')));
}

} // namespace

std::optional<media_type> negotiate(std::string_view accept, bool has_accept)
{
    if (!has_accept || accept == "*/*")
        return media_type::json;
    if (const auto exact = named(accept))
        return exact;

    // The most specific range that names a type decides its quality; of equal qualities the first offered wins.
    int best_quality = 0;
    std::optional<media_type> best;
    for (const auto& o : offered) {
        int quality = 0;
        int specificity = 0;
        for (std::string_view rest = accept; !rest.empty();) {
            const auto comma = rest.find(',');
            const auto range = parse_range(rest.substr(0, comma));
            rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
            const int s = equals(range.type, o.name)            ? 3
                          : equals(range.type, "application/*") ? 2
                          : range.type == "*/*"                 ? 1
                                                                : 0;
            if (s > specificity) {
                specificity = s;
                quality = range.quality;
            }
        }
        if (quality > best_quality) {
            best_quality = quality;
            best = o.type;
        }
    }
    return best;
}

std::optional<media_type> body_type(const request& r)
{
    return r.has(single_field::content_type) ? named(sent_type(r)) : media_type::json;
}

std::optional<media_type> patch_type(const request& r)
{
    const auto sent = sent_type(r);
    if (equals(sent, "application/merge-patch+json"))
        return media_type::json;
    const auto type = named(sent);
    return type == media_type::json ? std::nullopt : type;
}

bool prefers_minimal(std::string_view prefer) noexcept
{
    while (!prefer.empty()) {
        const auto comma = prefer.find(',');
        const auto preference = prefer.substr(0, comma);
        if (equals(trimmed(preference.substr(0, preference.find(';'))), "return=minimal"))
            return true;
        prefer = comma == prefer.npos ? std::string_view() : prefer.substr(comma + 1);
    }
    return false;
}

data_result<void> read_data(std::string_view body, media_type type, const data_limits& limits, std::string& out)
{
    return type == media_type::json ? json_to_msgpack(body, limits, out) : normalize_msgpack(body, limits, out);
}

data_result<void> write_data(std::string_view msgpack, media_type type, const data_limits& limits, std::string& out)
{
    if (type == media_type::json)
        return msgpack_to_json(msgpack, limits, out);
    if (!is_one_map(msgpack))
        return data_error{errc::malformed, 0, "the MessagePack is not one map"};
    out.append(msgpack);
    return {};
}

} // namespace coatcheck
