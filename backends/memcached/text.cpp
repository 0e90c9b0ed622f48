#include "backends/memcached/text.hpp"

#include <array>
#include <charconv>

namespace coatcheck::memcached::text {

namespace {

using type = reply::type;
using family = reply::family;

constexpr std::size_t max_line = 2048; // of a reply; memcached's own are shorter
constexpr std::string_view line_end = "\r\n";

failure no_reply(std::string_view why)
{
    return {errc::unavailable, std::string("no reply of memcached: ").append(why)};
}

template <class Number>
void append_number(std::string& out, Number n)
{
    std::array<char, 20> digits;
    out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr);
}

template <class Number>
bool read_number(std::string_view digits, Number& to) noexcept
{
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), to);
    return ec == std::errc() && end == digits.data() + digits.size();
}

void append_opaque(std::string& out, std::uint32_t opaque)
{
    out.append(" O");
    append_number(out, opaque);
    out.append(line_end);
}

void append_store(std::string& out, const command& c)
{
    out.append(c.what == command::verb::add ? "add " : "cas ").append(c.key).append(" 0 ");
    append_number(out, c.exptime);
    out += ' ';
    append_number(out, c.value.size());
    if (c.what == command::verb::swap) {
        out += ' ';
        append_number(out, c.cas);
    }
    out.append(line_end).append(c.value).append(line_end);
}

void append_removal(std::string& out, const command& c)
{
    out.append("md ").append(c.key).append(" C");
    append_number(out, c.cas);
    if (c.what == command::verb::bury) {
        out.append(" I T");
        append_number(out, c.exptime);
    }
    append_opaque(out, c.opaque);
}

std::string_view take_word(std::string_view& line) noexcept
{
    const auto end = line.find(' ');
    const auto word = line.substr(0, end);
    line.remove_prefix(end == line.npos ? line.size() : end + 1);
    return word;
}

// The flags after a meta reply's code. Those that we did not ask for mean nothing to us.
bool read_flags(std::string_view flags, reply& to) noexcept
{
    while (!flags.empty()) {
        const auto flag = take_word(flags);
        if (flag.empty())
            continue;
        const auto token = flag.substr(1);
        switch (flag.front()) {
        case 'O':
            if (!read_number(token, to.opaque.emplace()))
                return false;
            break;
        case 'c':
            if (!read_number(token, to.cas))
                return false;
            break;
        case 't':
            if (!read_number(token, to.seconds_left) || to.seconds_left < -1)
                return false;
            break;
        case 'X':
            to.buried = true;
            break;
        default:
            break;
        }
    }
    return true;
}

struct word {
    std::string_view text;
    type what;
    family answers;
};

// Replies of a meta command: flags follow.
constexpr auto meta_words = std::to_array<word>({
    {"HD", type::done, family::remove},
    {"EN", type::missing, family::get},
    {"NF", type::missing, family::remove},
    {"EX", type::changed, family::remove},
});

// Replies that are a word alone.
constexpr auto lone_words = std::to_array<word>({
    {"STORED", type::done, family::store},
    {"NOT_STORED", type::exists, family::store},
    {"EXISTS", type::changed, family::store},
    {"NOT_FOUND", type::missing, family::store},
    {"MN", type::alive, family::ping},
    {"END", type::statistics_end, family::other},
});

// Replies that are a sentence.
constexpr auto sentences = std::to_array<word>({
    {"SERVER_ERROR", type::error, family::any},
    {"CLIENT_ERROR", type::refused, family::any},
    {"ERROR", type::refused, family::any},
    {"VERSION", type::version, family::other},
    {"STAT", type::statistic, family::other},
});

type kind_of_server_error(std::string_view text) noexcept
{
    if (text.starts_with("object too large"))
        return type::too_large;
    // "out of memory storing object", "Out of memory during read" while a large one arrives
    if (text.starts_with("out of memory storing") || text.starts_with("Out of memory during read"))
        return type::full;
    return type::error;
}

// VA <size> <flags>*, then the value on a line of its own.
result<std::optional<reply>> parse_value(std::string_view line, std::string_view after, std::size_t& used)
{
    reply r;
    r.what = type::value;
    r.answers = family::get;
    std::size_t size = 0;
    if (!read_number(take_word(line), size) || size > max_value)
        return no_reply("a value without a size, or of too many bytes");
    if (!read_flags(line, r))
        return no_reply("flags that are no numbers");
    if (after.size() < size + line_end.size())
        return std::optional<reply>();
    if (after.substr(size, line_end.size()) != line_end)
        return no_reply("a value longer than its size");
    r.text = after.substr(0, size);
    used += size + line_end.size();
    return std::optional(r);
}

} // namespace

std::size_t size(const command& c) noexcept
{
    constexpr std::size_t around = 96; // words, four numbers of at most 20 digits, line ends
    return around + c.key.size() + c.value.size();
}

void append(std::string& out, const command& c)
{
    switch (c.what) {
    case command::verb::get:
        out.append("mg ").append(c.key).append(" v c t");
        append_opaque(out, c.opaque);
        break;
    case command::verb::add:
    case command::verb::swap:
        append_store(out, c);
        break;
    case command::verb::remove:
    case command::verb::bury:
        append_removal(out, c);
        break;
    case command::verb::ping:
        out.append("mn\r\n");
        break;
    }
}

result<std::optional<reply>> parse(std::string_view bytes, std::size_t& used)
{
    used = 0;
    const auto length = bytes.substr(0, max_line).find(line_end);
    if (length == bytes.npos) {
        if (bytes.size() >= max_line)
            return no_reply("a line without an end");
        return std::optional<reply>();
    }
    auto rest = bytes.substr(0, length);
    used = length + line_end.size();
    const auto first = take_word(rest);
    if (first == "VA")
        return parse_value(rest, bytes.substr(used), used);
    for (const auto& w : meta_words) {
        if (w.text != first)
            continue;
        reply r{.what = w.what, .answers = w.answers};
        if (!read_flags(rest, r))
            return no_reply("flags that are no numbers");
        return std::optional(r);
    }
    for (const auto& w : lone_words)
        if (w.text == first && rest.empty())
            return std::optional(reply{.what = w.what, .answers = w.answers});
    for (const auto& w : sentences) {
        if (w.text != first)
            continue;
        reply r{.what = w.what, .answers = w.answers};
        if (first == "SERVER_ERROR")
            r.what = kind_of_server_error(rest);
        if (w.what == type::statistic)
            r.name = take_word(rest);
        r.text = rest;
        return std::optional(r);
    }
    return no_reply("a word that no command is answered with");
}

} // namespace coatcheck::memcached::text
