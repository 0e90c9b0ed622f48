#include "backends/dynamodb/sigv4.hpp"
#include "tests/unit/skip.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace coatcheck::dynamodb {

namespace {

namespace fs = std::filesystem;

// What AWS's test suite uses throughout.
const credentials example{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "", {}};
constexpr sigv4::scope where{"us-east-1", "service"};
constexpr std::string_view date = "20150830T123600Z";

std::string text_of(const fs::path& path)
{
    std::ifstream in(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    std::erase(text, '\r');
    return text;
}

// The suite's files hold requests with line ends of any kind, raw spaces and continued lines.
http_request request_of(std::string_view text)
{
    http_request r;
    const auto line = [&] {
        const auto end = text.find('\n');
        const auto one = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        return one;
    };
    const auto first = line();
    const auto space = first.find(' ');
    r.method = first.substr(0, space);
    r.target = first.substr(space + 1, first.rfind(' ') - space - 1);
    for (auto next = line(); !next.empty(); next = line()) {
        if (const auto colon = next.find(':'); next[0] != ' ')
            r.headers.push_back({std::string(next.substr(0, colon)), std::string(next.substr(colon + 1))});
        else
            r.headers.back().value.append(" ").append(next);
    }
    r.body = text;
    return r;
}

bool has(const http_request& request, std::string_view header)
{
    return std::ranges::any_of(request.headers, [&](const auto& h) { return h.name == header; });
}

} // namespace

TEST_CASE("sigv4: a request of the published suite is signed as published")
{
    http_request r{"GET", "/", {{"Host", "example.amazonaws.com"}, {"X-Amz-Date", std::string(date)}}, "", {}};
    CHECK(sigv4::canonical_request(r) == "GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\n"
                                         "host;x-amz-date\n"
                                         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sigv4::authorization(r, date, example, where) ==
          "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
          "SignedHeaders=host;x-amz-date, "
          "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

TEST_CASE("sigv4: signing adds the date, the token and the signature, and no second Host")
{
    const time_point now{std::chrono::milliseconds{1'440'938'160'999}};
    CHECK(sigv4::amz_date(now) == date);
    http_request r{"GET", "/", {}, "", {}};
    sigv4::sign(r, "example.amazonaws.com", example, where, now);
    REQUIRE(r.headers.size() == 2);
    CHECK(r.headers[0].name == "X-Amz-Date");
    CHECK(r.headers[1].name == "Authorization");
    CHECK(r.headers[1].value.ends_with("=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"));

    http_request temporary{"GET", "/", {}, "", {}};
    auto who = example;
    who.token = "token";
    sigv4::sign(temporary, "example.amazonaws.com", who, where, now);
    REQUIRE(temporary.headers.size() == 3);
    CHECK(temporary.headers[1].name == "X-Amz-Security-Token");
    CHECK(temporary.headers[1].value == "token");
    CHECK(temporary.headers[2].value.find("SignedHeaders=host;x-amz-date;x-amz-security-token,") != std::string::npos);
}

TEST_CASE("sigv4: everything that is sent is signed")
{
    const auto signature = [](http_request r) {
        sigv4::sign(r, "a", example, where, time_point{});
        return r.headers.back().value;
    };
    const http_request plain{"POST", "/", {{"X-Amz-Target", "a"}}, "body", {}};
    const auto changed = [&](auto change) {
        auto r = plain;
        change(r);
        return signature(r) != signature(plain);
    };
    CHECK(changed([](auto& r) { r.body = "Body"; }));
    CHECK(changed([](auto& r) { r.method = "PUT"; }));
    CHECK(changed([](auto& r) { r.target = "/a"; }));
    CHECK(changed([](auto& r) { r.target = "/?a"; }));
    CHECK(changed([](auto& r) { r.headers[0].value = "b"; }));
    CHECK_FALSE(changed([](auto& r) { r.headers[0].value = " a "; }));
}

// COATCHECK_SIGV4_SUITE names another folder of the same form.
TEST_CASE("sigv4: all of the published suite" * doctest::test_suite("published"))
{
    const char* const given = std::getenv("COATCHECK_SIGV4_SUITE");
    const fs::path suite = given != nullptr ? given : COATCHECK_TESTDATA "/aws4_testsuite";
    if (!fs::exists(suite)) {
        test::skip("no " + suite.string() + " (tests/support/testdata installs it)");
        return;
    }
    int cases = 0;
    for (const auto& entry : fs::recursive_directory_iterator(suite)) {
        if (entry.path().extension() != ".req")
            continue;
        const auto file = [&](const char* extension) {
            return text_of(fs::path(entry.path()).replace_extension(extension));
        };
        CAPTURE(entry.path().stem().string());
        auto request = request_of(text_of(entry.path()));
        if (!has(request, "X-Amz-Date"))
            request.headers.push_back({"X-Amz-Date", std::string(date)});
        // The token of the one case that has one outside its request.
        constexpr std::string_view token = "x-amz-security-token:";
        const auto expected = file(".creq");
        if (const auto at = expected.find(token); at != std::string::npos && !has(request, "X-Amz-Security-Token"))
            request.headers.push_back(
                {"X-Amz-Security-Token",
                 expected.substr(at + token.size(), expected.find('\n', at) - at - token.size())});
        const bool normalize = entry.path().stem().string().find("unnormalized") == std::string::npos;
        const auto canonical = sigv4::canonical_request(request, normalize);
        CHECK(canonical == expected);
        CHECK(sigv4::string_to_sign(canonical, date, where) == file(".sts"));
        CHECK(sigv4::authorization(request, date, example, where, normalize) == file(".authz"));
        ++cases;
    }
    MESSAGE(cases);
    CHECK(cases > 25);
}

} // namespace coatcheck::dynamodb
