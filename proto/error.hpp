#pragma once
// What can go wrong with a request, and the one place where that becomes an HTTP status.

#include <boost/system/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace coatcheck {

enum class errc : std::uint8_t {
    malformed,           // 400
    unauthorized,        // 401
    forbidden,           // 403
    not_found,           // 404
    method_not_allowed,  // 405
    not_acceptable,      // 406
    request_timeout,     // 408
    length_required,     // 411
    ended,               // 410: deleted, revoked, rotated away or expired
    too_many_sessions,   // 409: the subject has as many as it may have
    precondition_failed, // 412
    too_large,           // 413
    uri_too_long,        // 414
    unsupported_media,   // 415
    expectation_failed,  // 417
    misdirected,         // 421: a Host that this listener does not serve
    not_a_map,           // 422
    locked,              // 423
    too_many_waiters,    // 429
    header_too_large,    // 431
    internal,            // 500
    unsupported,         // 501: this store, or this release, cannot
    unavailable,         // 503: the backend is away
    newer_format,        // 503: a record that only a later release can read
    unknown_key,         // 503: a record that no key here opens, or one in the clear where none may be
    corrupt,             // 404 with Session-Unreadable: a record that nobody can read
    timed_out,           // 504: the deadline passed; a write may have landed
    full,                // 507
    http_version,        // 505
};

// Whether it says that a record is there, and that this daemon cannot read it.
constexpr bool is_unreadable(errc code) noexcept
{
    return code == errc::corrupt || code == errc::newer_format || code == errc::unknown_key;
}

// One row of the table that maps errors to RFC 9457 problems.
struct problem_kind {
    int status;             // HTTP status code
    std::string_view urn;   // `type`: stable, never reused for another meaning
    std::string_view title; // the same for every occurrence
};

const problem_kind& problem_of(errc code) noexcept;

// A failed operation. `detail` is for the log alone: it may quote a backend, so it never reaches a body.
struct failure {
    errc code;
    std::string detail;
};

template <class T>
using result = boost::system::result<T, failure>;

// result<T>::value() on a failure; the code base tests before it reads, so reaching this is a defect.
[[noreturn]] void throw_exception_from_error(const failure& f, const boost::source_location& where);

} // namespace coatcheck
