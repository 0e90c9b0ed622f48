#pragma once
// One HTTP request, as views into the connection's buffers.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace coatcheck {

enum class method : std::uint8_t { get, head, post, put, patch, del, options, unsupported };
constexpr std::size_t method_count = 8;

std::string_view name_of(method m) noexcept;

// The fields that may come once.
enum class single_field : std::uint8_t {
    host,
    origin,
    authorization,
    content_type,
    content_encoding,
    content_length,
    expect,
    traceparent,
    transfer_encoding,
    session_id,
    session_idle_timeout,
    session_absolute_timeout,
    session_subject,
    session_label,
    session_lock,
    last_event_id,
};
constexpr std::size_t single_field_count = 16;

// The fields that are lists: several lines are one list (RFC 9110 §5.3).
enum class list_field : std::uint8_t { accept, if_match, if_none_match, prefer };
constexpr std::size_t list_field_count = 4;

struct request {
    method verb = method::unsupported;
    std::string_view target; // path and query, as sent; of an absolute-form target without scheme and authority
    std::string_view body;
    bool http_1_0 = false;
    bool keep_alive = true;

    bool has(single_field f) const noexcept { return get(f).data() != nullptr; }
    std::string_view get(single_field f) const noexcept { return single_[static_cast<std::size_t>(f)]; }
    void set(single_field f, std::string_view value) noexcept { single_[static_cast<std::size_t>(f)] = value; }

    bool has(list_field f) const noexcept { return get(f).data() != nullptr; }
    std::string_view get(list_field f) const noexcept { return list_[static_cast<std::size_t>(f)]; }
    void append(list_field f, std::string_view value);

    void clear() noexcept;

private:
    std::array<std::string_view, single_field_count> single_{};
    std::array<std::string_view, list_field_count> list_{};
    std::array<std::string, list_field_count> joined_;
};

} // namespace coatcheck
