#include "server/log.hpp"

#include "proto/utf8.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>

namespace coatcheck::log {

namespace detail {
std::atomic<level> threshold{level::info};
}

namespace {

using std::chrono::steady_clock;

constexpr std::array<std::string_view, 4> level_names{"debug", "info", "warn", "error"};
constexpr std::array spdlog_levels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err};

// A JSON string (RFC 8259 §7), quotes included.
void quote_to(std::string& out, std::string_view text)
{
    out += '"';
    while (!text.empty()) {
        const auto c = static_cast<unsigned char>(text[0]);
        const std::size_t n = utf8_char_length(text);
        if (c == '"' || c == '\\')
            out.append({'\\', text[0]});
        else if (c < ' ' || c == 0x7f)
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
        else if (n == 0)
            out += "\\ufffd";
        else
            out.append(text.substr(0, n));
        text.remove_prefix(std::max<std::size_t>(n, 1));
    }
    out += '"';
}

bool is_plain(std::string_view text) noexcept
{
    const auto plain = [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '='; };
    return !text.empty() && std::ranges::all_of(text, plain);
}

void value_to(std::string& out, const field::value_type& value, bool quote_all)
{
    if (const auto* text = std::get_if<std::string_view>(&value)) {
        if (quote_all || !is_plain(*text))
            quote_to(out, *text);
        else
            out += *text;
        return;
    }
    std::visit([&](const auto& v) { fmt::format_to(std::back_inserter(out), "{}", v); }, value);
}

std::string json_body(level l, std::string_view text, fields about)
{
    std::string out = R"("level":")";
    out.append(level_names[static_cast<std::size_t>(l)]).append(R"(","msg":)");
    quote_to(out, text);
    for (const auto& f : about) {
        out += ',';
        quote_to(out, f.key);
        out += ':';
        value_to(out, f.value, true);
    }
    return out;
}

std::string text_body(std::string_view text, fields about)
{
    std::string out(text);
    for (const auto& f : about) {
        out.append(1, ' ').append(f.key).append(1, '=');
        value_to(out, f.value, false);
    }
    return out;
}

class output {
public:
    explicit output(log_format format)
        : json_(format == log_format::json || (format == log_format::automatic && isatty(STDERR_FILENO) == 0)),
          logger_("coatcheck", std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>())
    {
        // What each line may hold has been decided before it comes to spdlog.
        logger_.set_level(spdlog::level::trace);
        logger_.set_formatter(std::make_unique<spdlog::pattern_formatter>(json_ ? R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ",%v})"
                                                                                : "%Y-%m-%dT%H:%M:%S.%eZ %^%-7l%$ %v",
                                                                          spdlog::pattern_time_type::utc));
    }

    void write(level l, std::string_view text, fields about)
    {
        const std::string body = json_ ? json_body(l, text, about) : text_body(text, about);
        logger_.log(spdlog_levels[static_cast<std::size_t>(l)], spdlog::string_view_t(body.data(), body.size()));
    }

private:
    bool json_;
    spdlog::logger logger_;
};

std::unique_ptr<output>& current_output()
{
    static auto o = std::make_unique<output>(log_format::text);
    return o;
}

// Counts the lines of each kind in the second that runs.
class line_budget {
public:
    static constexpr std::size_t lines_a_second = 10;

    bool allows(level l, std::string_view kind)
    {
        const std::lock_guard lock(mutex_);
        const auto second = std::chrono::floor<std::chrono::seconds>(steady_clock::now());
        if (second != second_) {
            report();
            second_ = second;
        }
        auto& c = counts_[kind];
        c.highest = std::max(c.highest, l);
        return ++c.lines <= lines_a_second;
    }

    void flush()
    {
        const std::lock_guard lock(mutex_);
        report();
    }

private:
    struct count {
        std::size_t lines = 0;
        level highest = level::debug;
    };

    void report()
    {
        for (const auto& [kind, c] : counts_)
            if (c.lines > lines_a_second)
                current_output()->write(c.highest, kind, {{"suppressed", c.lines - lines_a_second}});
        counts_.clear();
    }

    std::mutex mutex_;
    std::chrono::time_point<steady_clock, std::chrono::seconds> second_;
    std::map<std::string_view, count> counts_; // by literals, so the views stay valid
};

line_budget budget;

} // namespace

void start(const log_config& c)
{
    const auto at = std::ranges::find(level_names, c.level) - level_names.begin();
    detail::threshold = static_cast<level>(at);
    current_output() = std::make_unique<output>(c.format);
}

void flush()
{
    budget.flush();
}

void detail::write(level l, message what, fields about)
{
    if (l == level::debug || budget.allows(l, what.text))
        write_always(l, what, about);
}

void detail::write_always(level l, message what, fields about)
{
    current_output()->write(l, what.text, about);
}

} // namespace coatcheck::log
