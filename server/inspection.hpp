#pragma once
// What a record is, as an operator sees it: also one that leads elsewhere, that is over, or that cannot be read.

#include "proto/record.hpp"
#include "proto/session_id.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace coatcheck {

enum class session_state : std::uint8_t {
    live,
    ended,   // by a DELETE, or by an end-all
    expired, // by itself
    alias,   // an old id; its grace may be over
    pending, // a new id whose rotation has not been seen through
    unreadable,
};

std::string_view name_of(session_state s) noexcept;

struct inspection {
    session_state state;
    std::optional<record> stored; // unset if not even the head can be read
    std::optional<handle> other;  // of an alias, where it leads; of a pending record, where it comes from
    std::size_t data_size = 0;    // bytes of the session's data
    std::optional<failure> why;   // of an unreadable one
};

// Whether it is of a record that the store keeps for itself: every session has an idle timeout, and no such record has.
bool is_own(const head& about) noexcept;

// Sessions that were created before `epoch` are over.
inspection inspect(record stored, time_point epoch, time_point now);

// Of a record that could not be loaded for `why`; nothing if that does not tell what it is.
std::optional<inspection> inspect(const failure& why);

} // namespace coatcheck
