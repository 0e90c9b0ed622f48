#pragma once
// What is kept at rest: a head that tells what the record is and how long it lives, ahead of the payload (MessagePack).

#include "proto/error.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck {

// A moment on the system clock, when something expires. Deadlines are steady_clock's and do not convert.
using time_point = std::chrono::sys_time<std::chrono::milliseconds>;

// No end: later than any that can be configured, and exact as a double in a backend's script.
constexpr time_point never{std::chrono::milliseconds{(std::int64_t{1} << 53) - 1}};

// Changes with every write of the data; random, so that daemons need not agree on a counter. Equal or not, never
// ordered.
struct version {
    std::uint64_t bits = 0;
    friend bool operator==(version, version) = default;
};

version make_version();

enum class kind : std::uint8_t {
    live = 1,
    ended = 2,   // a tombstone
    alias = 3,   // an old id that still leads to the record under the new one
    pending = 4, // the new record of a rotation that is not committed yet
};

struct head {
    kind what = kind::live;
    std::uint64_t revision = 0; // counts every write of the record, head included
    version data_version;       // the ETag
    time_point created{};
    time_point last_seen{}; // the last use that was written: at most a tenth of the idle timeout behind the last use
    time_point expires{};   // the end if nobody uses the session; a tombstone's: when it ended
    time_point absolute_end = never; // the end whoever uses it
    time_point keep_until{};         // when the backend may forget the record
    std::chrono::seconds idle{};     // the idle timeout
    std::uint64_t lock_token = 0;
    time_point locked_until{};
    std::string subject;
    std::string label;

    friend bool operator==(const head&, const head&) = default;
};

struct record {
    head about;
    std::string payload;

    friend bool operator==(const record&, const record&) = default;
};

constexpr std::size_t max_subject_length = 1024; // bytes
constexpr std::size_t max_label_length = 1024;   // bytes

// The at-rest form for backends that keep one value a key (proto/README.md has the layout). Appends to `out`. Subject
// and label are no longer than allowed, and no time is before 1970 or after `never`.
void encode(const head& about, std::string_view payload, std::string& out);

// Fails with errc::newer_format for a format that a later release wrote, with errc::corrupt for anything else that is
// not a record.
result<record> decode_record(std::string_view bytes);

// The head alone, without a copy of the payload; the same failures. `payload_at` is where the payload begins.
struct decoded_head {
    head about;
    std::size_t payload_at;
};
result<decoded_head> decode_head(std::string_view bytes);

} // namespace coatcheck
