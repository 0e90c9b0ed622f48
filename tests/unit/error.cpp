#include "proto/error.hpp"

#include <array>
#include <doctest/doctest.h>
#include <set>
#include <stdexcept>
#include <string>

using namespace coatcheck;

TEST_CASE("every error has the status that the contract gives it")
{
    constexpr std::array<std::pair<errc, int>, 28> expected{{
        {errc::malformed, 400},
        {errc::unauthorized, 401},
        {errc::forbidden, 403},
        {errc::not_found, 404},
        {errc::method_not_allowed, 405},
        {errc::not_acceptable, 406},
        {errc::request_timeout, 408},
        {errc::length_required, 411},
        {errc::ended, 410},
        {errc::precondition_failed, 412},
        {errc::too_large, 413},
        {errc::uri_too_long, 414},
        {errc::unsupported_media, 415},
        {errc::expectation_failed, 417},
        {errc::misdirected, 421},
        {errc::not_a_map, 422},
        {errc::locked, 423},
        {errc::too_many_waiters, 429},
        {errc::header_too_large, 431},
        {errc::internal, 500},
        {errc::unsupported, 501},
        {errc::unavailable, 503},
        {errc::newer_format, 503},
        {errc::unknown_key, 503},
        {errc::corrupt, 404},
        {errc::timed_out, 504},
        {errc::full, 507},
        {errc::http_version, 505},
    }};
    std::set<std::string_view> urns;
    for (const auto& [code, status] : expected) {
        const problem_kind& kind = problem_of(code);
        CAPTURE(kind.urn);
        CHECK(kind.status == status);
        CHECK(kind.urn.starts_with("urn:coatcheck:problem:"));
        CHECK(urns.insert(kind.urn).second);
        CHECK_FALSE(kind.title.empty());
    }
}

TEST_CASE("to read a result that failed is a defect that names the place")
{
    const result<int> failed = failure{errc::timed_out, "the backend's own words"};
    CHECK_THROWS_AS((void)failed.value(), std::logic_error);
    try {
        (void)failed.value();
    } catch (const std::logic_error& e) {
        const std::string what = e.what();
        CHECK(what.find("error.cpp") != std::string::npos);
        CHECK(what.find("own words") == std::string::npos);
    }
}
