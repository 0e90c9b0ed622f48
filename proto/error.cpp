#include "proto/error.hpp"

#include <array>
#include <stdexcept>

namespace coatcheck {

const problem_kind& problem_of(errc code) noexcept
{
    static constexpr std::array<problem_kind, 29> table{{
        {400, "urn:coatcheck:problem:malformed", "Malformed request"},
        {401, "urn:coatcheck:problem:unauthorized", "A bearer token is needed"},
        {403, "urn:coatcheck:problem:forbidden", "Not allowed"},
        {404, "urn:coatcheck:problem:not-found", "Not there"},
        {405, "urn:coatcheck:problem:method-not-allowed", "Method not allowed"},
        {406, "urn:coatcheck:problem:not-acceptable", "No acceptable representation"},
        {408, "urn:coatcheck:problem:request-timeout", "The request took too long to arrive"},
        {411, "urn:coatcheck:problem:length-required", "Length required"},
        {410, "urn:coatcheck:problem:ended", "The session has ended"},
        {409, "urn:coatcheck:problem:too-many-sessions", "Too many sessions of this subject"},
        {412, "urn:coatcheck:problem:precondition-failed", "Precondition failed"},
        {413, "urn:coatcheck:problem:too-large", "Too large"},
        {414, "urn:coatcheck:problem:uri-too-long", "The request target is too long"},
        {415, "urn:coatcheck:problem:unsupported-media-type", "Unsupported media type"},
        {417, "urn:coatcheck:problem:expectation-failed", "Expectation failed"},
        {421, "urn:coatcheck:problem:misdirected", "This host is not served here"},
        {422, "urn:coatcheck:problem:not-a-map", "The data is not a map"},
        {423, "urn:coatcheck:problem:locked", "The session is locked"},
        {429, "urn:coatcheck:problem:too-many-waiters", "Too many waiters"},
        {431, "urn:coatcheck:problem:header-too-large", "The request header is too large"},
        {500, "urn:coatcheck:problem:internal", "Internal error"},
        {501, "urn:coatcheck:problem:unsupported", "Not supported"},
        {503, "urn:coatcheck:problem:unavailable", "The backend is unavailable"},
        {503, "urn:coatcheck:problem:newer-format", "The record needs a newer release"},
        {503, "urn:coatcheck:problem:unknown-key", "The record needs another key"},
        {404, "urn:coatcheck:problem:unreadable", "The record cannot be read"},
        {504, "urn:coatcheck:problem:timed-out", "The backend did not answer in time"},
        {507, "urn:coatcheck:problem:full", "The store is full"},
        {505, "urn:coatcheck:problem:http-version", "HTTP version not supported"},
    }};
    static_assert(table.size() == static_cast<std::size_t>(errc::http_version) + 1);
    return table[static_cast<std::size_t>(code)];
}

void throw_exception_from_error(const failure& f, const boost::source_location& where)
{
    throw std::logic_error("unchecked failure at " + std::string(where.file_name()) + ": " +
                           std::string(problem_of(f.code).title));
}

} // namespace coatcheck
