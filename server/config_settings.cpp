#include "server/config_settings.hpp"

#include "backends/registry.hpp"
#include "backends/url.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <type_traits>

namespace coatcheck {

namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr hours day{24};
constexpr std::size_t kib = 1U << 10U;
constexpr std::size_t mib = 1U << 20U;

template <class Number, std::size_t N>
std::string show_in_units(Number value, const std::array<std::pair<std::string_view, Number>, N>& units)
{
    const auto fits = [&](const auto& u) { return value % u.second == 0; };
    const auto unit = value == 0 ? units.end() - 1 : std::ranges::find_if(units, fits);
    return std::to_string(value / unit->second) + std::string(unit->first);
}

std::string show(milliseconds d)
{
    static constexpr std::array<std::pair<std::string_view, milliseconds::rep>, 5> units{
        {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
    return show_in_units(d.count(), units);
}

std::string show_bytes(std::size_t n)
{
    static constexpr std::array<std::pair<std::string_view, std::size_t>, 4> units{
        {{"GiB", kib * mib}, {"MiB", mib}, {"KiB", kib}, {"", 1}}};
    return show_in_units(n, units);
}

[[noreturn]] void reject(const std::string& text, const std::string& what)
{
    throw std::invalid_argument("'" + text + "' is not " + what);
}

std::string trimmed(std::string_view text)
{
    const auto first = text.find_first_not_of(" \t");
    return first == text.npos ? "" : std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

template <class T>
struct value_of {
    using type = T;
};
template <class T>
struct value_of<std::optional<T>> {
    using type = T;
};

// `into` is milliseconds, seconds, or an optional of them.
template <class T>
setting duration(std::string key, T& into, milliseconds least, milliseconds most)
{
    using unit = typename value_of<T>::type;
    const auto read = [&into, least, most](const std::string& text) {
        const auto d = parse_duration(text);
        if (!d || *d < least || *d > most)
            reject(text, "a duration from " + show(least) + " to " + show(most) + ", such as 30s, 5m, 12h or 7d");
        if (*d != std::chrono::duration_cast<unit>(*d))
            reject(text, "a whole number of seconds");
        into = std::chrono::duration_cast<unit>(*d);
    };
    const auto write = [&into] {
        if constexpr (std::is_same_v<T, unit>)
            return show(into);
        else
            return into ? show(*into) : std::string();
    };
    return {std::move(key), read, write};
}

setting bytes(std::string key, std::size_t& into, std::size_t least, std::size_t most)
{
    const auto read = [&into, least, most](const std::string& text) {
        const auto n = parse_bytes(text);
        if (!n || *n < least || *n > most)
            reject(text, "a size from " + show_bytes(least) + " to " + show_bytes(most) +
                             ", such as 65536, 512KiB or "
                             "1MiB");
        into = *n;
    };
    return {std::move(key), read, [&into] { return show_bytes(into); }};
}

setting number(std::string key, std::size_t& into, std::size_t least, std::size_t most)
{
    const auto read = [&into, least, most](const std::string& text) {
        std::size_t n = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
        if (error != std::errc{} || end != text.data() + text.size() || n < least || n > most)
            reject(text, "a number from " + std::to_string(least) + " to " + std::to_string(most));
        into = n;
    };
    return {std::move(key), read, [&into] { return std::to_string(into); }};
}

setting boolean(std::string key, bool& into)
{
    const auto read = [&into](const std::string& text) {
        if (text != "true" && text != "false")
            reject(text, "true or false");
        into = text == "true";
    };
    return {std::move(key), read, [&into] { return std::string(into ? "true" : "false"); }};
}

template <class Enum, std::size_t N>
setting choice(std::string key, Enum& into, const std::array<std::pair<std::string_view, Enum>, N>& of)
{
    const auto read = [&into, of](const std::string& text) {
        std::string names;
        for (const auto& [name, value] : of) {
            if (name == text) {
                into = value;
                return;
            }
            names.append(names.empty() ? "" : ", ").append(name);
        }
        reject(text, "one of " + names);
    };
    const auto write = [&into, of] {
        return std::string(std::ranges::find(of, into, [](const auto& o) { return o.second; })->first);
    };
    return {std::move(key), read, write};
}

setting text(std::string key, std::string& into)
{
    return {std::move(key), [&into](const std::string& t) { into = t; }, [&into] { return into; }};
}

template <class T, class Parse, class Show>
setting list(std::string key, std::vector<T>& into, Parse parse, Show show_one)
{
    const auto read = [&into, parse](const std::string& whole) {
        std::vector<T> all;
        for (std::size_t from = 0; from <= whole.size();) {
            const auto to = std::min(whole.find(',', from), whole.size());
            all.push_back(parse(trimmed(std::string_view(whole).substr(from, to - from))));
            from = to + 1;
        }
        into = std::move(all);
    };
    const auto write = [&into, show_one] {
        std::string joined;
        for (const auto& one : into)
            joined.append(joined.empty() ? "" : ",").append(show_one(one));
        return joined;
    };
    return {std::move(key), read, write, true};
}

std::string parse_file(const std::string& path)
{
    if (path.empty())
        reject(path, "a file");
    return path;
}

// What belongs to an optional group of settings, which is there as soon as one of them is.
template <class Group, class Make>
setting in_group(std::optional<Group>& group, Make make)
{
    Group unset;
    setting s = make(unset);
    s.read = [&group, make](const std::string& text) { make(group ? *group : group.emplace()).read(text); };
    s.show = [&group, make] { return group ? make(*group).show() : std::string(); };
    return s;
}

// Long enough for any name, short enough for a typing error to be seen.
constexpr std::size_t longest_realm = 255;

setting realm(std::string& into)
{
    const auto read = [&into](const std::string& t) {
        if (t.size() > longest_realm)
            reject(t, "at most " + std::to_string(longest_realm) + " bytes");
        into = t;
    };
    return {"encryption.realm", read, [&into] { return into; }};
}

std::string parse_host(const std::string& host)
{
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    };
    if (host.empty() || !std::ranges::all_of(host, allowed))
        reject(host, "the name of a host without a port, such as sessions.internal");
    return host;
}

void check_store_url(const std::string& text)
{
    check_scheme(backend_url::parse(text));
}

} // namespace

std::vector<setting> settings_of(config& c)
{
    const auto address = [&](std::string key, std::vector<listen_address>& into) {
        return list(std::move(key), into, &listen_address::parse, [](const listen_address& a) { return a.str(); });
    };
    const auto tls_file = [&](const std::string& key, std::string tls_config::* file) {
        return in_group(c.tls, [key, file](tls_config& tls) { return text(key, tls.*file); });
    };
    static constexpr std::array<std::pair<std::string_view, bool>, 2> plain_records{
        {{"refuse", false}, {"accept", true}}};
    static constexpr std::array<std::pair<std::string_view, log_format>, 3> formats{
        {{"auto", log_format::automatic}, {"text", log_format::text}, {"json", log_format::json}}};
    static const std::array<std::pair<std::string_view, std::string>, 4> levels{
        {{"debug", "debug"}, {"info", "info"}, {"warn", "warn"}, {"error", "error"}}};

    limits_config& l = c.limits;
    return {
        address("listen", c.listen),
        address("ops_listen", c.ops_listen),
        tls_file("tls.certificate_file", &tls_config::certificate_file),
        tls_file("tls.key_file", &tls_config::key_file),
        tls_file("tls.client_ca_file", &tls_config::client_ca_file),
        number("threads", c.threads, 1, 1024),
        text("tokens_file", c.tokens_file),
        text("handle_key_file", c.handle_key_file),
        text("hash_subjects.key_file", c.subject_key_file),
        in_group(c.encryption,
                 [](encryption_config& e) {
                     return list("encryption.keys", e.keys, &parse_file, [](const std::string& f) { return f; });
                 }),
        in_group(c.encryption, [](encryption_config& e) { return realm(e.realm); }),
        in_group(c.encryption,
                 [](encryption_config& e) {
                     return choice("encryption.plain_records", e.accepts_plain_records, plain_records);
                 }),
        list("hosts", c.hosts, &parse_host, [](const std::string& h) { return h; }),
        boolean("ids_in_path", c.ids_in_path),
        boolean("insecure", c.insecure),
        bytes("limits.body", l.body, kib, 256 * mib),
        bytes("limits.header", l.header, kib, mib),
        number("limits.connections", l.connections, 1, 1'000'000),
        duration("limits.header_timeout", l.header_timeout, milliseconds{100}, hours{1}),
        duration("limits.body_timeout", l.body_timeout, milliseconds{100}, hours{1}),
        duration("limits.idle_timeout", l.idle_timeout, milliseconds{100}, day),
        choice("log.level", c.log.level, levels),
        choice("log.format", c.log.format, formats),
        duration("drain_delay", c.drain_delay, milliseconds{0}, minutes{10}),
        duration("drain_timeout", c.drain_timeout, milliseconds{0}, hours{1}),
    };
}

std::vector<setting> settings_of(store_config& s)
{
    setting url{"url",
                [&s](const std::string& t) {
                    check_store_url(t);
                    s.url = t;
                },
                [&s] { return s.url.empty() ? "" : backend_url::parse(s.url).redacted(); }};
    static constexpr std::array<std::pair<std::string_view, when_too_many>, 2> too_many{
        {{"end_oldest", when_too_many::end_oldest}, {"refuse", when_too_many::refuse}}};
    return {
        std::move(url),
        duration("idle_timeout", s.idle_timeout, seconds{1}, 400 * day),
        duration("absolute_timeout", s.absolute_timeout, seconds{1}, 400 * day),
        duration("anonymous_idle_timeout", s.anonymous_idle_timeout, seconds{1}, 400 * day),
        duration("tombstone", s.tombstone, seconds{1}, day),
        duration("deadline", s.deadline, milliseconds{10}, minutes{1}),
        number("max_per_subject", s.max_per_subject, 0, 4096),
        choice("when_too_many", s.too_many, too_many),
        boolean("adopt_ids", s.adopt_ids),
    };
}

} // namespace coatcheck
