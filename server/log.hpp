#pragma once
// The daemon's log, on standard error: coloured text on a terminal, elsewhere one JSON object a line. All functions are
// thread safe.
//
//     log::warn("backend failed", {{"store", name}, {"error", why.detail}, {"request_id", id}});

#include "server/config.hpp"

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace coatcheck::log {

enum class level : std::uint8_t { debug, info, warn, error };

// What happened, always the same words for the same kind of event: a string literal. What differs goes into fields.
struct message {
    consteval message(const char* literal) : text(literal) {}

    std::string_view text;
};

// One thing about the event. Views what it is given, so it lives as long as the call. Values may hold anything: control
// characters and bytes that are no UTF-8 are escaped, so that no value can forge a line.
struct field {
    using value_type = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

    field(std::string_view k, std::string_view v) : key(k), value(v) {}
    field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
    field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
    field(std::string_view k, bool v) : key(k), value(v) {}
    field(std::string_view k, double v) : key(k), value(v) {}
    field(std::string_view k, std::signed_integral auto v) : key(k), value(std::int64_t{v}) {}
    field(std::string_view k, std::unsigned_integral auto v) : key(k), value(std::uint64_t{v}) {}

    std::string_view key; // a JSON-safe literal: store, error, request_id, handle, route, status, trace_id, …
    value_type value;
};

using fields = std::initializer_list<field>;

// Until it is called, info and above go out as text. Not while other threads log.
void start(const log_config& c);

// Writes what the rate limit still holds back: the numbers of suppressed lines. At the end.
void flush();

namespace detail {
extern std::atomic<level> threshold;
void write(level l, message what, fields about);
void write_always(level l, message what, fields about);
} // namespace detail

inline bool enabled(level l) noexcept
{
    return l >= detail::threshold.load(std::memory_order_relaxed);
}

// Each kind of message, but for audit(), gets 10 lines a second from these; the rest of that second is one line with
// their number, so that an outage does not fill a disk. Except for debug, which is for looking at everything.
inline void debug(message what, fields about = {})
{
    if (enabled(level::debug))
        detail::write(level::debug, what, about);
}

inline void info(message what, fields about = {})
{
    if (enabled(level::info))
        detail::write(level::info, what, about);
}

// The same without a limit, for what has to be on record whole.
inline void audit(message what, fields about)
{
    if (enabled(level::info))
        detail::write_always(level::info, what, about);
}

inline void warn(message what, fields about = {})
{
    if (enabled(level::warn))
        detail::write(level::warn, what, about);
}

inline void error(message what, fields about = {})
{
    if (enabled(level::error))
        detail::write(level::error, what, about);
}

} // namespace coatcheck::log
