// Rotation by two daemons whose calls to the store take turns, as many as the test says: every order that two can meet
// in. What is seen here is the daemon's; one store, the fastest, is enough.

#include "tests/conformance/daemon_over.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <functional>
#include <limits>
#include <mutex>
#include <vector>

namespace coatcheck::conformance {

namespace {

constexpr unsigned all = std::numeric_limits<unsigned>::max();

// Which of two makes the next calls, and how many. Who has come to his end is passed over.
class turns {
public:
    explicit turns(std::vector<std::pair<std::size_t, unsigned>> order) : order_(std::move(order)) {}

    awaitable<void> wait(std::size_t who)
    {
        while (!take(who)) {
            const auto on = co_await boost::asio::this_coro::executor;
            co_await boost::asio::post(on, boost::asio::use_awaitable_t<executor>{});
        }
    }

    void give_back()
    {
        const std::lock_guard hold(mutex_);
        busy_ = false;
    }

    void finish(std::size_t who)
    {
        const std::lock_guard hold(mutex_);
        finished_.at(who) = true;
    }

private:
    bool take(std::size_t who)
    {
        const std::lock_guard hold(mutex_);
        while (at_ < order_.size() && (order_[at_].second == 0 || finished_.at(order_[at_].first)))
            ++at_;
        if (busy_ || (at_ < order_.size() && order_[at_].first != who))
            return false;
        if (at_ < order_.size())
            --order_[at_].second;
        busy_ = true;
        return true;
    }

    std::mutex mutex_;
    std::vector<std::pair<std::size_t, unsigned>> order_;
    std::size_t at_ = 0;
    bool busy_ = false;
    std::array<bool, 2> finished_{};
};

using work = std::function<awaitable<void>(backend& store, lookup& places)>;

// The first makes `begins` calls, the second `between`, the first all others, and then the second.
void meet(fixture& f, unsigned begins, unsigned between, const std::array<work, 2>& works)
{
    turns order({{0, begins}, {1, between}, {0, all}, {1, all}});
    f.parallel(2, [&](std::size_t who) -> awaitable<void> {
        stopping_backend store(f.store());
        store.around_calls([&] { return order.wait(who); }, [&] { order.give_back(); });
        lookup places(store, [](const handle&) {});
        co_await works.at(who)(store, places);
        order.finish(who);
    });
}

// A rotation with grace, and what it answers.
work rotating(fixture& f, const ticket& from, const ticket& to, std::string& answer, std::string subject = {})
{
    return [&f, &from, &to, &answer, subject](backend& store, lookup& places) -> awaitable<void> {
        rotation wanted = from_to(from, to, 30s);
        wanted.changes = plain_changes();
        if (!subject.empty())
            wanted.changes.subject = subject;
        wanted.announce = nobody_listens;
        const auto done = co_await rotate(store, places, wanted, f.now, soon());
        answer = answer_of(done);
    };
}

constexpr unsigned calls_of_a_rotation = 6;
constexpr unsigned calls_until_one_is_fenced = 40;

void at_each_meeting(unsigned most_between, const std::function<void(unsigned begins, unsigned between)>& at)
{
    for (unsigned begins = 0; begins < calls_of_a_rotation; ++begins)
        for (unsigned between = 0; between < most_between; ++between) {
            CAPTURE(begins);
            CAPTURE(between);
            at(begins, between);
        }
}

} // namespace

TEST_CASE("memory: however a rotation and a login to one id meet, it is the login's if that says so")
{
    fixture f;
    daemon_over d(f);
    for (const std::size_t login : {0, 1})
        at_each_meeting(calls_until_one_is_fenced, [&](unsigned begins, unsigned between) {
            const auto old = new_ticket();
            const auto next = new_ticket();
            CHECK(d.put(old, "red").has_value());
            std::array<std::string, 2> answers;
            meet(f, begins, between,
                 {rotating(f, old, next, answers[0], login == 0 ? "ada" : ""),
                  rotating(f, old, next, answers[1], login == 1 ? "ada" : "")});
            CHECK(answers[1 - login] == next.id);
            CHECK(d.payload(next) == "red");
            // Either it was the login's own, and the old id is over, or the other's, and it still leads there.
            const bool in = d.look(next).value_or(record()).about.subject == "ada";
            CHECK(answers[login] == (in ? next.id : problem_of(errc::precondition_failed).urn));
            CHECK(d.look(old).has_value() != in);
        });
}

TEST_CASE("memory: however two rotations meet, there is one session under one new id")
{
    fixture f;
    daemon_over d(f);
    at_each_meeting(calls_of_a_rotation, [&](unsigned begins, unsigned between) {
        const auto old = new_ticket();
        const std::array next{new_ticket(), new_ticket()};
        CHECK(d.put(old, "red").has_value());
        std::array<std::string, 2> answers;
        meet(f, begins, between, {rotating(f, old, next[0], answers[0]), rotating(f, old, next[1], answers[1])});
        CHECK(answers[0] == answers[1]);
        for (const auto& t : next)
            CHECK(d.look(t).has_value() == (t.id == answers[0]));
        CHECK(d.payload(old) == "red");
    });
}

TEST_CASE("memory: however rotations of two sessions to one id meet, neither session is lost")
{
    fixture f;
    daemon_over d(f);
    at_each_meeting(calls_until_one_is_fenced, [&](unsigned begins, unsigned between) {
        const std::array old{new_ticket(), new_ticket()};
        const auto next = new_ticket();
        CHECK(d.put(old[0], "red").has_value());
        CHECK(d.put(old[1], "blue").has_value());
        std::array<std::string, 2> answers;
        meet(f, begins, between, {rotating(f, old[0], next, answers[0]), rotating(f, old[1], next, answers[1])});
        CHECK((answers[0] == next.id) != (answers[1] == next.id));
        CHECK(d.payload(old[0]) == "red");
        CHECK(d.payload(old[1]) == "blue");
        CHECK(d.payload(next) == (answers[0] == next.id ? "red" : "blue"));
    });
}

TEST_CASE("memory: however a rotation meets a write, a reader and an end, nothing is lost or comes back")
{
    fixture f;
    daemon_over d(f);
    at_each_meeting(3, [&](unsigned begins, unsigned between) {
        for (const std::string what : {"write", "read", "end"}) {
            CAPTURE(what);
            const auto old = new_ticket();
            const auto next = new_ticket();
            CHECK(d.put(old, "red").has_value());
            std::string answer;
            bool written = false;
            meet(f, begins, between,
                 {rotating(f, old, next, answer), [&](backend& store, lookup& places) -> awaitable<void> {
                      if (what == "read") {
                          static_cast<void>(co_await places.find(next.key, {}, f.now, soon()));
                      } else if (what == "end") {
                          static_cast<void>(co_await store.end(old.key, f.now, f.now + 10min, soon()));
                      } else {
                          const auto done =
                              co_await store.put(old.key, plain_changes(), "blue", precondition::none(), f.now, soon());
                          written = done && done->what == write::outcome::replaced;
                      }
                  }});
            if (answer == next.id)
                CHECK(d.payload(next) == (written ? "blue" : "red"));
            else
                CHECK(what == "end");
            CHECK(d.look(old) == d.look(next));
        }
    });
}

} // namespace coatcheck::conformance
