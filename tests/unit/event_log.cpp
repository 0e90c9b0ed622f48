#include "server/event_log.hpp"
#include "server/event_stream.hpp"

#include <doctest/doctest.h>

#include <thread>

using namespace coatcheck;
using outcome = event_log::reader::outcome;

namespace {

const handle some_handle(std::string(handle::length, 'h'));

event created(std::string store = "default")
{
    return {.what = event::happening::created, .at = {}, .store = std::move(store), .session = some_handle};
}

void add(event_log& log, int n)
{
    for (int i = 0; i < n; ++i)
        log.add(created());
}

std::unique_ptr<event_log::reader> open(event_log& log, std::optional<std::string_view> after = {})
{
    return log.open(after, [] {});
}

// The numbers of the events that `r` has to read.
std::vector<std::uint64_t> numbers(event_log::reader& r)
{
    std::vector<event> events;
    while (r.read(events, 3) == outcome::some)
        ;
    std::vector<std::uint64_t> out;
    for (const auto& e : events)
        out.push_back(e.number);
    return out;
}

using list = std::vector<std::uint64_t>;

} // namespace

TEST_CASE("a reader gets what happens after it was opened, once and in order")
{
    event_log log;
    add(log, 2);
    const auto r = open(log);
    CHECK_FALSE(r->has_gap());
    CHECK(numbers(*r).empty());
    add(log, 5);
    CHECK(numbers(*r) == list{3, 4, 5, 6, 7});
    CHECK(numbers(*r).empty());
    CHECK(r->cursor() == log.cursor_of(7));
}

TEST_CASE("a reader goes on behind the cursor that it names")
{
    event_log log(4);
    add(log, 6);
    CHECK(numbers(*open(log, log.cursor_of(4))) == list{5, 6});
    CHECK(numbers(*open(log, log.cursor_of(6))).empty());
    const auto oldest_that_is_known = open(log, log.cursor_of(2));
    CHECK_FALSE(oldest_that_is_known->has_gap());
    CHECK(numbers(*oldest_that_is_known) == list{3, 4, 5, 6});
}

TEST_CASE("a cursor from before the first event misses nothing")
{
    event_log log;
    const auto first = open(log)->cursor();
    add(log, 2);
    const auto r = open(log, first);
    CHECK_FALSE(r->has_gap());
    CHECK(numbers(*r) == list{1, 2});
}

TEST_CASE("a cursor that has fallen out of the buffer leaves a gap, and the oldest event comes next")
{
    event_log log(4);
    add(log, 7);
    const auto r = open(log, log.cursor_of(2));
    CHECK(r->has_gap());
    CHECK(r->cursor() == log.cursor_of(3));
    CHECK(numbers(*r) == list{4, 5, 6, 7});
}

TEST_CASE("what is no cursor of this log leaves a gap")
{
    event_log log;
    event_log other;
    add(log, 2);
    add(other, 2);
    const std::string start = log.cursor_of(1).substr(0, 17);
    for (const auto& text :
         {other.cursor_of(1), log.cursor_of(3), std::string("1"), std::string(), start, start + "-1", start + "+1",
          start + " 1", start + "1 ", start + "1x", start + "99999999999999999999", start + "18446744073709551615"}) {
        CAPTURE(text);
        const auto r = open(log, text);
        CHECK(r->has_gap());
        CHECK(numbers(*r) == list{1, 2});
    }
}

TEST_CASE("a reader that the buffer has overtaken is told so, and nothing is made up")
{
    event_log log(4);
    const auto r = open(log);
    add(log, 4);
    std::vector<event> events;
    CHECK(r->read(events, 1) == outcome::some);
    add(log, 2);
    CHECK(r->read(events, 10) == outcome::overrun);
    CHECK(events.size() == 1);
}

TEST_CASE("a reader is woken once after it found nothing, and not while it has something to read")
{
    event_log log;
    int woken = 0;
    const auto r = log.open({}, [&] { ++woken; });
    add(log, 1);
    CHECK(woken == 0);
    CHECK(numbers(*r) == list{1});
    add(log, 3);
    CHECK(woken == 1);
    CHECK(numbers(*r) == list{2, 3, 4});
    add(log, 1);
    CHECK(woken == 2);
}

TEST_CASE("there are at most so many readers, and one that leaves makes room")
{
    event_log log;
    std::vector<std::unique_ptr<event_log::reader>> readers;
    for (std::size_t i = 0; i < event_log::max_readers; ++i)
        readers.push_back(open(log));
    CHECK(readers.back());
    CHECK_FALSE(open(log));
    readers.pop_back();
    CHECK(open(log));
}

TEST_CASE("events of many threads are all read, each once")
{
    event_log log(100'000);
    const auto r = open(log);
    constexpr int each = 20'000;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t)
        threads.emplace_back([&] { add(log, each); });
    std::vector<event> events;
    while (events.size() < 3 * each)
        REQUIRE(r->read(events, 1000) != outcome::overrun);
    for (std::size_t i = 0; i < events.size(); ++i)
        REQUIRE(events[i].number == i + 1);
}

TEST_CASE("an event is three lines, whatever the subject holds")
{
    event e = created("shop");
    e.subject = "a\nevent: ended\r\n\ndata: x\"\\\x01";
    std::string out;
    append_event(e, "c-1", out);
    CHECK(out == "id: c-1\nevent: created\ndata: {\"at\":\"1970-01-01T00:00:00Z\",\"store\":\"shop\",\"handle\":\"" +
                     std::string(handle::length, 'h') +
                     "\",\"subject\":\"a\\nevent: ended\\r\\n\\ndata: x\\\"\\\\\\u0001\"}\n\n");
}

TEST_CASE("an end tells its reason, a rotation the new handle")
{
    event e = created();
    e.what = event::happening::ended;
    e.why = event::reason::revoked;
    std::string out;
    append_event(e, "c-1", out);
    CHECK(out.find("event: ended\n") != out.npos);
    CHECK(out.ends_with(",\"subject\":null,\"reason\":\"revoked\"}\n\n"));

    e = created();
    e.what = event::happening::rotated;
    e.to = handle(std::string(handle::length, 't'));
    out.clear();
    append_event(e, "c-2", out);
    CHECK(out.find("event: rotated\n") != out.npos);
    CHECK(out.ends_with(",\"subject\":null,\"to\":\"" + std::string(handle::length, 't') + "\"}\n\n"));
}
