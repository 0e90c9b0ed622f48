#include "backends/registry.hpp"
#include "backends/url.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace coatcheck {

namespace {

using namespace std::chrono_literals;

// The message of the exception that `call` throws; empty if it throws none.
template <class Call>
std::string refusal_of(Call call)
{
    try {
        call();
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
    return "";
}

std::string parse_error(std::string_view text)
{
    return refusal_of([&] { backend_url::parse(text); });
}

bool mentions(const std::string& text, std::string_view part)
{
    return text.find(part) != text.npos;
}

} // namespace

TEST_CASE("a backend's URL is taken apart")
{
    const auto url =
        backend_url::parse("rediss://app:s%3Acret%2F%40@cache.example:6380/3?prefix=a%26b&timeout=2s&flag");
    CHECK(url.scheme == "rediss");
    CHECK(url.user == "app");
    CHECK(url.password == "s:cret/@");
    CHECK(url.hosts == std::vector<host_port>{{"cache.example", 6380}});
    CHECK(url.path == "/3");
    CHECK(url.query == std::map<std::string, std::string>{{"prefix", "a&b"}, {"timeout", "2s"}, {"flag", ""}});
}

TEST_CASE("the parts of a backend's URL may be left out")
{
    const auto bare = backend_url::parse("memory://");
    CHECK(bare.scheme == "memory");
    CHECK((bare.user + bare.password + bare.path).empty());
    CHECK(bare.hosts.empty());
    CHECK(bare.query.empty());

    CHECK(backend_url::parse("memory://?max=1MiB").query.at("max") == "1MiB");
    CHECK(backend_url::parse("sqlite:///var/lib/a%20b.db").path == "/var/lib/a b.db");
    CHECK(backend_url::parse("redis://:pw@h").password == "pw");
    CHECK(backend_url::parse("redis://h").path.empty());
    CHECK(backend_url::parse("REDIS+unix:///run/redis.sock?").scheme == "redis+unix");
    CHECK(backend_url::parse("redis://h?prefix=a+b=c").query.at("prefix") == "a+b=c");
}

TEST_CASE("an IPv6 host stands in brackets")
{
    const auto url = backend_url::parse("redis://u:p@[::1]:6379/0");
    CHECK(url.hosts == std::vector<host_port>{{"::1", 6379}});
    CHECK(url.redacted() == "redis://u:***@[::1]:6379/0");
    CHECK(backend_url::parse("redis://[::1]").host() == host_port{"::1", std::nullopt});
    CHECK(!parse_error("redis://[::1/0").empty());
    CHECK(!parse_error("redis://[::1]6379").empty());
}

TEST_CASE("a backend's URL may name several hosts, each with its port")
{
    const std::string text = "redis+cluster://u:p@a.example:7000,[::1]:7001,10.0.0.3/";
    const auto url = backend_url::parse(text);
    CHECK(url.hosts == std::vector<host_port>{{"a.example", 7000}, {"::1", 7001}, {"10.0.0.3", std::nullopt}});
    CHECK(url.redacted() == "redis+cluster://u:***@a.example:7000,[::1]:7001,10.0.0.3/");
    CHECK(mentions(parse_error("memcached://a,,b"), "empty place"));
    CHECK(mentions(parse_error("memcached://a,"), "empty place"));
    CHECK(mentions(parse_error("memcached://a:x,b"), "port"));
}

TEST_CASE("a backend's URL that is wrong is refused")
{
    for (const auto* text : {"",
                             "memory",
                             "memory:",
                             "memory:/x",
                             "://host",
                             "1redis://h",
                             "re dis://h",
                             "redis://h:0",
                             "redis://h:65536",
                             "redis://h:",
                             "redis://h:6379x",
                             "redis://h:-1",
                             "redis://h#a",
                             "redis://h/%",
                             "redis://h/%4",
                             "redis://h/%zz",
                             "redis://h/%00",
                             "redis://h/a b",
                             "redis://h/a\nb",
                             "redis://h?=1",
                             "redis://h?a=1&a=2",
                             "redis://h?a&&b"}) {
        CAPTURE(text);
        CHECK(!parse_error(text).empty());
    }
    CHECK(mentions(parse_error("redis://h?prefix=1&prefix=2"), "'prefix' twice"));
}

TEST_CASE("no message about a URL holds a piece of its password, wherever that was cut")
{
    for (const std::string mark : {"/", "?", "#", "@", ":", "%", "&", "=", " "})
        for (const std::string before : {"hunter", "12", ""})
            for (const std::string after : {"swordfish", "34", "swordfish=1&swordfish=2"}) {
                const std::string text = "redis://user:" + before + mark + after + "@host:6379/0?a=1&a=2";
                const auto message = parse_error(text);
                CAPTURE(text);
                CAPTURE(message);
                CHECK(!message.empty());
                CHECK(!mentions(message, "swordfish"));
                CHECK(!mentions(message, "hunter"));
            }
}

TEST_CASE("a URL is logged without its passwords and can be read again")
{
    const auto url = backend_url::parse(
        "redis://app:hunter2@h:1/a%20b%3F?prefix=a%26%3D%0A&sentinel_password=hunter3&socket=/run/x");
    const auto text = url.redacted();
    CHECK(text == "redis://app:***@h:1/a%20b%3F?prefix=a%26%3D%0A&sentinel_password=***&socket=/run/x");
    const auto again = backend_url::parse(text);
    CHECK(again.path == url.path);
    CHECK(again.query.at("prefix") == "a&=\n");
    CHECK(backend_url::parse("appengine://?ticket=abc").redacted() == "appengine://?ticket=***");
    CHECK(backend_url::parse("redis://:pw@h").redacted() == "redis://:***@h");
    CHECK(backend_url::parse("mongodb://h/?tlsCertificateKeyFilePassword=pw").redacted() ==
          "mongodb://h/?tlsCertificateKeyFilePassword=***");
    CHECK(backend_url::parse("memory://?max=1MiB").redacted() == "memory://?max=1MiB");
}

TEST_CASE("URL parameters are taken once, and what was not taken is an error that names it")
{
    const auto url = backend_url::parse("memory://?max=64MiB&wait=500ms&evict=lru&evcit=x");
    url_parameters parameters(url);
    CHECK(parameters.take_bytes("max") == std::size_t{64} << 20U);
    CHECK(!parameters.take_bytes("max"));
    CHECK(parameters.take_duration("wait") == 500ms);
    CHECK(parameters.take("evict") == "lru");
    CHECK(!parameters.take("nothing"));
    const auto message = refusal_of([&] { parameters.finish(); });
    CHECK(mentions(message, "evcit"));
    CHECK(mentions(message, "memory"));
    parameters.take("evcit");
    parameters.finish();
}

TEST_CASE("a URL parameter that is no size or duration is an error that names it")
{
    url_parameters parameters(backend_url::parse("memory://?max=lots&wait=soon"));
    CHECK(mentions(refusal_of([&] { parameters.take_bytes("max"); }), "'max'"));
    CHECK(mentions(refusal_of([&] { parameters.take_duration("wait"); }), "'wait'"));
}

TEST_CASE("sizes have binary units or none")
{
    CHECK(parse_bytes("0") == 0);
    CHECK(parse_bytes("1048576") == 1048576);
    CHECK(parse_bytes("512KiB") == 524288);
    CHECK(parse_bytes("64MiB") == 67108864);
    CHECK(parse_bytes("3GiB") == 3221225472);
    for (const auto* text :
         {"", "MiB", "-1", "+1", "1.5MiB", "1 MiB", "1MB", "1mib", "1MiBs", "99999999999999999999", "99999999999GiB"}) {
        CAPTURE(text);
        CHECK(!parse_bytes(text));
    }
}

TEST_CASE("durations have units from milliseconds to days, or are seconds")
{
    CHECK(parse_duration("500ms") == 500ms);
    CHECK(parse_duration("10s") == 10s);
    CHECK(parse_duration("10") == 10s);
    CHECK(parse_duration("5m") == 5min);
    CHECK(parse_duration("12h") == 12h);
    CHECK(parse_duration("400d") == 400 * 24h);
    CHECK(parse_duration("0") == 0s);
    for (const auto* text :
         {"", "s", "-1s", "1.5s", "1 s", "1w", "1S", "9223372036854775807s", "99999999999999999999"}) {
        CAPTURE(text);
        CHECK(!parse_duration(text));
    }
}

TEST_CASE("an unknown scheme is refused with those that this build knows")
{
    runtime threads(1);
    const auto message = refusal_of([&] { open_backend("reddis://user:hunter2@h", threads); });
    CHECK(mentions(message, "reddis://"));
    CHECK(!mentions(message, "hunter2"));
    REQUIRE(!backend_schemes().empty());
    for (const auto scheme : backend_schemes())
        CHECK(mentions(message, scheme));
    CHECK(!refusal_of([] { check_backend("reddis://h"); }).empty());
}

TEST_CASE("a backend that was left out of the build says how to get it, and is not among the schemes")
{
    runtime threads(1);
    for (const std::string scheme : {"memory", "sqlite", "redis", "rediss", "redis+unix"}) {
        if (std::ranges::find(backend_schemes(), scheme) != backend_schemes().end())
            continue;
        const auto message = refusal_of([&] { open_backend(scheme + "://", threads); });
        CHECK(mentions(message, "COATCHECK_BACKENDS"));
        CHECK(mentions(message, scheme));
    }
}

} // namespace coatcheck
