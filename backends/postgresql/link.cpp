#include "backends/postgresql/link.hpp"

#include "backends/postgresql/rows.hpp"
#include "backends/postgresql/sql_state.hpp"
#include "backends/transport/pause.hpp"
#include "backends/transport/stream.hpp"
#include "backends/transport/time_limit.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <fcntl.h>
#include <openssl/ssl.h>

#include <array>
#include <vector>

namespace coatcheck::postgresql {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

using clock = std::chrono::steady_clock;

// What the server promises, and whether it is the server itself: a pooler tells another process number than the
// session's. A statement that waits for a lock when its connection has been given up must not wait for ever, unless the
// operator has said so; through a pooler a setting would become another client's.
constexpr auto greeting = R"(
SELECT pg_backend_pid() = $1::int, current_setting('synchronous_commit'), current_setting('fsync'),
  current_setting('synchronous_standby_names') <> '',
  coalesce((SELECT relpersistence = 'u' FROM pg_class WHERE oid = to_regclass($2)), false),
  CASE WHEN pg_backend_pid() = $1::int AND current_setting('statement_timeout') = '0'
    THEN set_config('statement_timeout', '30s', false) END)";

enum fact : int { is_direct_at, synchronous_commit_at, fsync_at, has_standbys_at, is_unlogged_at };

// How often a server that starts up is asked again: it lets nobody in before it has replayed its log.
constexpr auto between_attempts = std::chrono::milliseconds(50);

// PostgreSQL's code for that.
constexpr std::string_view cannot_connect_now = "57P03: ";

void ignore_notice(void*, const PGresult*) {}

// Closes a link at a moment, unless destroyed before.
class link_limit {
public:
    link_limit(const std::shared_ptr<link>& what, deadline by) : timer_(what->socket().get_executor(), by)
    {
        timer_.async_wait([weak = std::weak_ptr(what)](error_code ec) {
            if (ec)
                return;
            if (const auto alive = weak.lock())
                alive->close();
        });
    }

private:
    steady_timer timer_;
};

} // namespace

void link::close() noexcept
{
    error_code ignored;
    socket_.close(ignored);
    connection_.reset();
}

failure link::broken(std::string_view when) const
{
    std::string why = get() != nullptr ? one_line(PQerrorMessage(get())) : "it took too long";
    return {errc::unavailable, std::string(when).append(why, 0, why.find(" LOCATION: "))};
}

bool link::receive() noexcept
{
    do {
        if (PQconsumeInput(get()) == 0)
            return false;
        // Bytes that OpenSSL has already taken from the socket make nobody wait for it.
    } while (PQsslInUse(get()) != 0 && SSL_pending(static_cast<SSL*>(PQsslStruct(get(), "OpenSSL"))) > 0);
    return true;
}

bool link::watch()
{
    const int copy = fcntl(PQsocket(get()), F_DUPFD_CLOEXEC, 0);
    if (copy >= 0)
        socket_.assign(copy);
    return copy >= 0;
}

awaitable<bool> link::wait(descriptor::wait_type what)
{
    const auto [ec] = co_await socket_.async_wait(what, as_result);
    co_return !ec && get() != nullptr;
}

awaitable<result<std::vector<link::target>>> link::targets_of(const host_port& server)
{
    const auto port = std::to_string(server.port.value_or(default_port));
    std::vector<target> found;
    error_code not_ip;
    asio::ip::make_address(server.host, not_ip);
    if (is_socket_folder(server.host)) {
        found.push_back({server.host, {}, port});
    } else if (!not_ip) {
        found.push_back({server.host, server.host, port});
    } else {
        asio::ip::basic_resolver<asio::ip::tcp, executor> resolver(socket_.get_executor());
        const auto [failed, names] = co_await resolver.async_resolve(server.host, port, as_result);
        if (failed)
            co_return failure{errc::unavailable, "cannot resolve " + server.host + ": " + failed.message()};
        for (const auto& name : names)
            found.push_back({server.host, name.endpoint().address().to_string(), port});
    }
    co_return found;
}

awaitable<result<void>> link::open(const config& settings, server_facts& facts, deadline by)
{
    const auto self = shared_from_this();
    failure last{errc::unavailable, "no address"};
    std::vector<target> targets;
    for (const auto& server : settings.servers) {
        const auto found = co_await targets_of(server);
        if (found)
            targets.insert(targets.end(), found->begin(), found->end());
        else
            last = found.error();
    }
    for (auto left = targets.size(); left != 0; --left) {
        const auto now = clock::now();
        if (now >= by)
            break;
        const deadline share = now + (by - now) / static_cast<long>(left);
        const link_limit limit(self, share);
        for (bool again = true; again;) {
            auto made = co_await connect(settings, targets[targets.size() - left], share);
            if (made)
                made = co_await greet(settings.table, facts);
            if (made)
                co_return made;
            close();
            last = made.error();
            again = last.detail.find(cannot_connect_now) != std::string::npos &&
                    co_await pause_at_most(between_attempts, share);
        }
    }
    co_return last;
}

awaitable<result<void>> link::connect(const config& settings, const target& to, deadline by)
{
    std::vector<const char*> names{"host", "hostaddr", "port"};
    std::vector<const char*> values{to.host.c_str(), to.address.c_str(), to.port.c_str()};
    for (const auto& [name, value] : settings.libpq) {
        names.push_back(name.c_str());
        values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    connection_.reset(PQconnectStartParams(names.data(), values.data(), 0));
    if (get() == nullptr || PQstatus(get()) == CONNECTION_BAD)
        co_return broken("");
    PQsetNoticeReceiver(get(), &ignore_notice, nullptr);
    PQsetErrorVerbosity(get(), PQERRORS_VERBOSE); // with the code, which libpq tells nowhere else while it connects
    for (auto next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;) {
        if (!watch())
            co_return failure{errc::unavailable, "no more files can be opened"};
        const bool ready =
            co_await wait(next == PGRES_POLLING_READING ? descriptor::wait_read : descriptor::wait_write);
        if (!ready || clock::now() >= by)
            co_return failure{errc::unavailable, "connecting to PostgreSQL takes too long"};
        error_code ignored;
        socket_.close(ignored); // libpq may go on with another one
        next = PQconnectPoll(get());
        if (next == PGRES_POLLING_FAILED)
            co_return broken("");
    }
    if (!watch())
        co_return failure{errc::unavailable, "no more files can be opened"};
    co_return result<void>();
}

awaitable<result<void>> link::greet(const std::string& table, server_facts& facts)
{
    const auto pid = std::to_string(PQbackendPID(get()));
    const std::array values{pid.c_str(), table.c_str()};
    if (PQsetnonblocking(get(), 1) != 0 || PQsendQueryParams(get(), greeting, static_cast<int>(values.size()), nullptr,
                                                             values.data(), nullptr, nullptr, 0) == 0)
        co_return broken("");
    result_ptr answer;
    for (;;) {
        if (PQflush(get()) < 0)
            co_return broken("");
        if (PQisBusy(get()) == 0) {
            result_ptr next(PQgetResult(get()));
            if (!next)
                break;
            answer = std::move(next);
            continue;
        }
        const bool came = co_await wait(descriptor::wait_read);
        if (!came)
            co_return failure{errc::unavailable, "PostgreSQL did not greet in time"};
        if (!receive())
            co_return broken("");
    }
    if (!answer || PQresultStatus(answer.get()) != PGRES_TUPLES_OK)
        co_return answer ? failure_of(answer.get()) : broken("");
    const auto yes = [&](fact at) { return text_in(answer.get(), at) == "t"; };
    direct_ = yes(is_direct_at);
    durability d;
    d.known = true;
    d.synchronous_commit = text_in(answer.get(), synchronous_commit_at);
    d.fsync = text_in(answer.get(), fsync_at) == "on";
    d.has_synchronous_standbys = yes(has_standbys_at);
    d.table_is_unlogged = yes(is_unlogged_at);
    facts.set(std::move(d));
    if (PQenterPipelineMode(get()) == 0)
        co_return broken("");
    co_return result<void>();
}

} // namespace coatcheck::postgresql
