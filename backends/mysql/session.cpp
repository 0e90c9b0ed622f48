#include "backends/mysql/session.hpp"

#include "proto/random.hpp"

#include <errmsg.h>

#include <algorithm>
#include <charconv>

namespace coatcheck::mysql {

namespace {

using namespace std::chrono_literals;

// A caller in a hurry does not stop the attempt, or a server that is slow to greet would never be reached.
constexpr auto time_to_connect = 3s;

// Between attempts to connect; meanwhile calls fail at once.
constexpr auto shortest_pause = 50ms;
constexpr auto longest_pause = 500ms;

// A connection that was unused for longer may have been forgotten by a router on the way, without a word to us.
constexpr auto long_unused = 60s;
constexpr auto time_to_answer_ping = 1s;

std::uint64_t number(const std::string& text) noexcept
{
    std::uint64_t n = 0;
    std::from_chars(text.data(), text.data() + text.size(), n);
    return n;
}

} // namespace

session::session(const config& settings, const statements& sql, server_facts& facts, const std::atomic<bool>& stopping)
    : sql_(sql), facts_(facts), client_(settings, sql, stopping)
{}

answer<void> session::connect(deadline by)
{
    if (auto done = client_.connect(by); !done)
        return done;
    auto said = client_.query("SELECT @@session.max_allowed_packet, @@global.innodb_flush_log_at_trx_commit, "
                              "@@global.log_bin, @@global.sync_binlog",
                              by);
    if (!said)
        return said.error();
    if (said->size() != 4)
        return sql_error(CR_UNKNOWN_ERROR, "the server does not tell its settings");
    facts_.learn({number(said->at(0)), static_cast<unsigned>(number(said->at(1))), number(said->at(2)) != 0,
                  number(said->at(3))});
    max_payload_ = largest_payload(number(said->at(0)));
    return {};
}

std::optional<failure> session::get_ready(deadline by)
{
    if (client_.open() && client_.hung_up())
        client_.close();
    const auto now = clock::now();
    if (client_.open() && now - last_use_ > long_unused && !client_.ping(std::min(by, now + time_to_answer_ping)))
        client_.close();
    if (!client_.open()) {
        if (now < next_attempt_)
            return away_;
        if (const auto done = connect(now + time_to_connect); !done) {
            client_.close();
            away_ = failure_of(done.error(), false);
            away_->code = errc::unavailable;
            next_attempt_ =
                clock::now() + std::uniform_int_distribution(shortest_pause / 1ms, longest_pause / 1ms)(jitter_) * 1ms;
            return away_;
        }
    }
    last_use_ = clock::now();
    if (last_use_ >= by)
        return failure{errc::timed_out, "the deadline passed before there was a connection to MySQL"};
    return std::nullopt;
}

// Makes the table if there is none; with no right to do that, who has it runs what --print-schema prints.
answer<void> session::prepare(verb what, deadline by)
{
    auto done = client_.prepare(what, by);
    if (done || !is_no_table(done.error()))
        return done;
    if (const auto made = client_.query(sql_.create(), by); !made)
        return made.error();
    return client_.prepare(what, by);
}

// Tries again what the server says it has not done: the connection's first use after a restart, a table that was
// dropped, a proxy that changed servers.
template <class T>
result<T> session::attempt(verb what, bool writing, std::size_t payload, const std::function<answer<T>()>& work,
                           deadline by)
{
    for (bool again = true;; again = false) {
        if (const auto why = get_ready(by))
            return *why;
        if (const auto ready = prepare(what, by); !ready) {
            if (again && is_broken(ready.error()) && !ready.error().late)
                continue;
            return failure_of(ready.error(), false);
        }
        if (payload > max_payload_)
            return failure{errc::too_large, "larger than the server's max_allowed_packet lets a row be"};
        auto done = work();
        if (done)
            return *std::move(done);
        const sql_error& e = done.error();
        const bool nothing_done = is_unprepared(e) || is_no_table(e);
        if (nothing_done && client_.open())
            client_.unprepare(what);
        if (!again || !(nothing_done || (!writing && is_broken(e) && !e.late)))
            return failure_of(e, writing);
    }
}

result<std::optional<row>> session::read(verb what, shape each, const handle& name, deadline by)
{
    const parameter with[] = {text{name.str()}};
    auto rows = attempt<std::vector<row>>(what, false, 0, [&] { return client_.select(what, with, each, by); }, by);
    if (!rows)
        return rows.error();
    if (rows->empty())
        return std::nullopt;
    return std::optional(std::move(rows->front()));
}

result<bool> session::write(verb what, std::span<const parameter> with, std::size_t payload, deadline by)
{
    return attempt<bool>(
        what, true, payload,
        [&]() -> answer<bool> {
            const auto found = client_.execute(what, with, by);
            if (found)
                return *found != 0;
            if (is_lost_race(found.error()) || (what == verb::insert && is_duplicate(found.error())))
                return false;
            return found.error();
        },
        by);
}

result<bool> session::insert(const handle& name, const head& about, std::string_view payload, deadline by)
{
    std::vector<parameter> with;
    append_head(with, about, random_uint64());
    with.emplace_back(bytes{payload});
    with.emplace_back(text{name.str()});
    return write(verb::insert, with, payload.size(), by);
}

result<bool> session::replace(const handle& name, std::uint64_t stamp, const head& about,
                              std::optional<std::string_view> payload, deadline by)
{
    std::vector<parameter> with;
    append_head(with, about, random_uint64());
    if (payload)
        with.emplace_back(bytes{*payload});
    with.emplace_back(text{name.str()});
    with.emplace_back(stamp);
    return write(payload ? verb::replace : verb::replace_head, with, payload ? payload->size() : 0, by);
}

result<bool> session::remove(const handle& name, std::uint64_t stamp, deadline by)
{
    const parameter with[] = {text{name.str()}, stamp};
    return write(verb::remove, with, 0, by);
}

result<void> session::ping(deadline by)
{
    for (bool again = true;; again = false) {
        if (const auto why = get_ready(by))
            return *why;
        const auto done = client_.ping(by);
        if (done)
            return {};
        if (!again || done.error().late)
            return failure_of(done.error(), false);
    }
}

} // namespace coatcheck::mysql
