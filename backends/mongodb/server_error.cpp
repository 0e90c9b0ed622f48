#include "backends/mongodb/server_error.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace coatcheck::mongodb {

namespace {

// Of the server's error_codes.yml.

constexpr std::array<std::uint32_t, 3> duplicate_key{11000, 11001, 12582};

constexpr std::array<std::uint32_t, 2> out_of_space{
    12501, // the quota of a database
    14031, // OutOfDiskSpace
};

constexpr std::array<std::uint32_t, 4> document_too_large{
    10334, // BSONObjectTooLarge
    17280,
    17419, // of an update
    17420,
};

// A server that is not the primary says so before it does anything.
constexpr std::array<std::uint32_t, 3> not_primary{10107, 13435, 10058};

// The server, or the one behind a mongos, broke off: what it was doing may have been done.
constexpr std::array<std::uint32_t, 9> broken_off{
    6,     // HostUnreachable
    7,     // HostNotFound
    89,    // NetworkTimeout
    91,    // ShutdownInProgress
    189,   // PrimarySteppedDown
    9001,  // SocketException
    11600, // InterruptedAtShutdown
    11602, // InterruptedDueToReplStateChange
    13436, // NotPrimaryOrSecondary
};

constexpr std::array<std::uint32_t, 5> too_late{
    50,    // MaxTimeMSExpired
    202,   // NetworkInterfaceExceededTimeLimit
    262,   // ExceededTimeLimit
    290,   // TransactionExceededLifetimeLimitSeconds
    11601, // Interrupted
};

template <std::size_t n>
bool holds(const std::array<std::uint32_t, n>& codes, std::uint32_t code) noexcept
{
    return std::ranges::find(codes, code) != codes.end();
}

bool from_server(const bson_error_t& e) noexcept
{
    return e.domain == MONGOC_ERROR_SERVER || e.domain == MONGOC_ERROR_WRITE_CONCERN;
}

errc code_of(const bson_error_t& e, effect of) noexcept
{
    const errc unknown = of == effect::writes ? errc::timed_out : errc::unavailable;
    switch (e.domain) {
    case MONGOC_ERROR_SERVER:
        break;
    case MONGOC_ERROR_WRITE_CONCERN:
        return errc::timed_out; // written, but not by as many as were asked for
    case MONGOC_ERROR_STREAM:
        return e.code == MONGOC_ERROR_STREAM_NAME_RESOLUTION || e.code == MONGOC_ERROR_STREAM_CONNECT
                   ? errc::unavailable
                   : unknown;
    case MONGOC_ERROR_PROTOCOL:
        return unknown;
    case MONGOC_ERROR_BSON:
        return errc::too_large; // the only fault that a document of ours can have
    case MONGOC_ERROR_COMMAND:
        return errc::internal;
    default:
        return errc::unavailable; // no server could be chosen, or it did not let us in
    }
    if (holds(out_of_space, e.code) || std::string_view(e.message).find("space quota") != std::string_view::npos)
        return errc::full;
    if (holds(document_too_large, e.code))
        return errc::too_large;
    if (holds(too_late, e.code))
        return errc::timed_out;
    if (holds(broken_off, e.code))
        return unknown;
    return errc::unavailable; // it refused, and did nothing
}

} // namespace

failure failure_of(const bson_error_t& error, effect of)
{
    return {code_of(error, of), std::string("mongodb: ") + error.message};
}

bool loses_connection(const bson_error_t& error) noexcept
{
    if (from_server(error))
        return holds(not_primary, error.code) || holds(broken_off, error.code);
    return error.domain != MONGOC_ERROR_BSON && error.domain != MONGOC_ERROR_COMMAND;
}

bool is_away(const bson_error_t& error) noexcept
{
    return error.domain == MONGOC_ERROR_SERVER_SELECTION;
}

bool is_duplicate(const bson_error_t& error) noexcept
{
    return error.domain == MONGOC_ERROR_SERVER && holds(duplicate_key, error.code);
}

} // namespace coatcheck::mongodb
