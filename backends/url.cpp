#include "backends/url.hpp"

#include "backends/percent_encoding.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <stdexcept>
#include <utility>

namespace coatcheck {

namespace {

// Whatever is wrong may be a piece of a password that was not percent-encoded, so no message quotes what stands between
// the scheme and the query.
[[noreturn]] void reject(const std::string& why)
{
    throw std::invalid_argument(why);
}

bool is_alpha(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

bool holds(std::string_view text, char c) noexcept
{
    return text.find(c) != text.npos;
}

std::optional<unsigned> hex_value(char c) noexcept
{
    if (is_digit(c))
        return c - '0';
    if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
        return (c | 0x20) - 'a' + 10;
    return std::nullopt;
}

std::string decode(std::string_view text, std::string_view part)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const auto high = i + 2 < text.size() ? hex_value(text[i + 1]) : std::nullopt;
        const auto low = high ? hex_value(text[i + 2]) : std::nullopt;
        if (!low)
            reject("the " + std::string(part) +
                   " of the URL has a '%' without two hexadecimal digits; '%' itself is %25");
        const char c = static_cast<char>(*high << 4U | *low);
        if (c == '\0')
            reject("the " + std::string(part) + " of the URL holds %00");
        out += c;
        i += 2;
    }
    return out;
}

// What stands before the first of `marks`; `text` keeps the rest, mark included.
std::string_view cut_before(std::string_view& text, std::string_view marks)
{
    const std::string_view head = text.substr(0, text.find_first_of(marks));
    text.remove_prefix(head.size());
    return head;
}

std::string lower(std::string_view text)
{
    std::string out(text);
    for (char& c : out)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    return out;
}

// A parameter such as sentinel_password or tlsCertificateKeyFilePassword.
bool is_secret(std::string_view parameter)
{
    const auto name = lower(parameter);
    return name.ends_with("password") || name == "ticket"; // the latter App Engine's
}

std::string parse_scheme(std::string_view text)
{
    std::string scheme = lower(text);
    if (scheme.empty() || !is_alpha(scheme[0]) || !std::ranges::all_of(scheme, [](char c) {
            return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
        }))
        reject("a backend is a URL such as memory:// or sqlite:///var/lib/coatcheck/sessions.db");
    return scheme;
}

host_port parse_host(std::string_view text)
{
    host_port out;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == text.npos)
            reject("the host of the URL begins with '[' and has no ']'");
        out.host = text.substr(1, close - 1);
        text.remove_prefix(close + 1);
    } else {
        out.host = decode(cut_before(text, ":"), "host");
    }
    if (text.empty())
        return out;
    const std::string_view digits = text.substr(1);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (text[0] != ':' || error != std::errc{} || end != digits.data() + digits.size() || port == 0)
        reject("the port of the URL is not a number from 1 to 65535; in a user name or password, ':' is written %3A, "
               "'/' %2F, '@' %40, '?' %3F and '#' %23");
    out.port = port;
    return out;
}

void parse_authority(std::string_view text, backend_url& into)
{
    if (const auto at = text.rfind('@'); at != text.npos) {
        const std::string_view userinfo = text.substr(0, at);
        const auto colon = userinfo.find(':');
        into.user = decode(userinfo.substr(0, colon), "user name");
        if (colon != userinfo.npos)
            into.password = decode(userinfo.substr(colon + 1), "password");
        text.remove_prefix(at + 1);
    }
    if (text.empty())
        return;
    for (;;) {
        into.hosts.push_back(parse_host(cut_before(text, ",")));
        if (text.empty())
            break;
        text.remove_prefix(1);
    }
    if (into.hosts.size() > 1 && std::ranges::any_of(into.hosts, [](const auto& h) { return h.host.empty(); }))
        reject("the URL's list of hosts has an empty place");
}

void parse_query(std::string_view text, backend_url& into)
{
    while (!text.empty()) {
        std::string_view pair = cut_before(text, "&");
        text.remove_prefix(text.empty() ? 0 : 1);
        std::string name = decode(cut_before(pair, "="), "query");
        if (name.empty())
            reject("the query of the URL has a parameter without a name");
        std::string value = decode(pair.substr(pair.empty() ? 0 : 1), "query");
        if (!into.query.try_emplace(name, std::move(value)).second)
            reject("the URL has the parameter '" + name + "' twice");
    }
}

template <class Count>
struct unit {
    std::string_view suffix;
    Count factor;
};

// A whole number and one of `units`; nullopt for anything else and for what does not fit.
template <class Count>
std::optional<Count> parse_quantity(std::string_view text, std::span<const unit<Count>> units) noexcept
{
    Count number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number < 0)
        return std::nullopt;
    const std::string_view suffix(end, text.data() + text.size());
    for (const auto& u : units)
        if (suffix == u.suffix && number <= std::numeric_limits<Count>::max() / u.factor)
            return number * u.factor;
    return std::nullopt;
}

} // namespace

backend_url backend_url::parse(std::string_view text)
{
    backend_url url;
    const auto mark = text.find("://");
    url.scheme = parse_scheme(text.substr(0, mark == text.npos ? 0 : mark));
    text.remove_prefix(mark + 3);
    if (!std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c != 0x7f; }))
        reject("the URL holds a space or a control character; a space is written %20");
    if (holds(text, '#'))
        reject("the URL holds '#', which is written %23");

    parse_authority(cut_before(text, "/?"), url);
    if (holds(text, '@'))
        reject("the URL holds '@' after the host, which is written %40; in a password '/' is written %2F and '?' %3F");
    url.path = decode(cut_before(text, "?"), "path");
    if (!text.empty())
        parse_query(text.substr(1), url);
    return url;
}

std::string backend_url::redacted() const
{
    std::string out = scheme + "://";
    percent_encode_to(out, user, "");
    if (!password.empty())
        out += ":***";
    if (!user.empty() || !password.empty())
        out += '@';
    for (bool first = true; const auto& [host, port] : hosts) {
        out.append(std::exchange(first, false) ? "" : ",");
        if (holds(host, ':'))
            out.append("[").append(host).append("]");
        else
            percent_encode_to(out, host, "");
        if (port)
            out.append(":").append(std::to_string(*port));
    }
    percent_encode_to(out, path, "/:,");
    char separator = '?';
    for (const auto& [name, value] : query) {
        out += separator;
        percent_encode_to(out, name, "");
        out += '=';
        if (is_secret(name))
            out += "***";
        else
            percent_encode_to(out, value, "/:,");
        separator = '&';
    }
    return out;
}

url_parameters::url_parameters(const backend_url& url) : scheme_(url.scheme), left_(url.query) {}

std::optional<std::string> url_parameters::take(const std::string& name)
{
    auto node = left_.extract(name);
    if (node.empty())
        return std::nullopt;
    return std::move(node.mapped());
}

std::optional<std::size_t> url_parameters::take_bytes(const std::string& name)
{
    const auto text = take(name);
    if (!text)
        return std::nullopt;
    const auto value = parse_bytes(*text);
    if (!value)
        reject("the parameter '" + name + "' of " + scheme_ + ":// is a size such as 64MiB, 512KiB or 1048576");
    return value;
}

std::optional<std::chrono::milliseconds> url_parameters::take_duration(const std::string& name)
{
    const auto text = take(name);
    if (!text)
        return std::nullopt;
    const auto value = parse_duration(*text);
    if (!value)
        reject("the parameter '" + name + "' of " + scheme_ + ":// is a duration such as 500ms, 10s or 5m");
    return value;
}

void url_parameters::finish() const
{
    if (!left_.empty())
        reject(scheme_ + ":// has no parameter '" + left_.begin()->first + "'");
}

std::optional<std::size_t> parse_bytes(std::string_view text) noexcept
{
    static constexpr auto units = std::to_array<unit<std::size_t>>({
        {"", 1},
        {"KiB", std::size_t{1} << 10U},
        {"MiB", std::size_t{1} << 20U},
        {"GiB", std::size_t{1} << 30U},
    });
    return parse_quantity<std::size_t>(text, units);
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept
{
    static constexpr auto units = std::to_array<unit<std::int64_t>>({
        {"ms", 1},
        {"", 1000},
        {"s", 1000},
        {"m", 60'000},
        {"h", 3'600'000},
        {"d", 86'400'000},
    });
    const auto ms = parse_quantity<std::int64_t>(text, units);
    return ms ? std::optional(std::chrono::milliseconds{*ms}) : std::nullopt;
}

} // namespace coatcheck
