#include "backends/transport/http_client.hpp"

#include "backends/transport/http_exchange.hpp"
#include "backends/transport/time_limit.hpp"
#include "backends/transport/waiters.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <utility>

namespace coatcheck {

namespace {

using clock = std::chrono::steady_clock;

bool same_letters(std::string_view a, std::string_view b) noexcept
{
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string host_of(const http_server& server)
{
    if (!server.where.path.empty())
        return "localhost";
    const bool v6 = server.where.host.find(':') != std::string::npos;
    std::string host = v6 ? "[" + server.where.host + "]" : server.where.host;
    if (server.where.port != (server.tls ? 443 : 80))
        host.append(":").append(std::to_string(server.where.port));
    return host;
}

// Whether nothing has come since the last reply, the end of the connection included.
bool is_silent(stream& s) noexcept
{
    char byte = 0;
    const auto got = ::recv(s.lowest_layer().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

} // namespace

// What a thread has of the client; used on that thread alone.
class http_client::lane : public std::enable_shared_from_this<lane> {
public:
    lane(boost::asio::io_context& on, std::shared_ptr<const http_server> server, http_limits limits)
        : on_(on), server_(std::move(server)), limits_(limits), waiters_(std::make_shared<waiters>(on))
    {}

    awaitable<result<http_reply>> call(const http_request& request, const std::string& host, deadline by)
    {
        const std::string bytes = http_bytes(request, host);
        if (bytes.empty())
            co_return failed(errc::internal, "a request that HTTP cannot carry");
        auto mine = co_await take_slot(by);
        if (!mine)
            co_return mine.error();
        for (bool reused = true;;) {
            auto connection = reused ? idle_connection() : nullptr;
            if (connection == nullptr) {
                reused = false;
                auto made = co_await connect_until(std::move(*mine), by);
                if (!made)
                    co_return made.error();
                std::tie(*mine, connection) = *std::move(made);
            }
            http_exchange done;
            {
                const time_limit limit(connection, by);
                done = co_await exchange(*connection, bytes, limits_.reply);
            }
            using stage = http_exchange::stage;
            if (done.reached == stage::answered) {
                if (done.reusable)
                    idle_.push_back({std::move(connection), clock::now()});
                co_return std::move(done.reply);
            }
            if (clock::now() >= by)
                co_return failed(errc::timed_out, "did not answer in time");
            const bool harmless = request.does == effect::reads || done.reached == stage::unsent;
            if (!reused || !harmless || done.reached == stage::cut)
                co_return failed(harmless ? errc::unavailable : errc::timed_out, done.why);
            reused = false;
        }
    }

    void abandon()
    {
        queue_.clear();
        waiters_->abandon();
    }

private:
    // One of the connections that the thread may have, made or not.
    class slot {
    public:
        explicit slot(std::shared_ptr<lane> of) : of_(std::move(of)) {}
        slot(slot&&) = default;
        slot& operator=(slot&&) = default;
        ~slot()
        {
            if (of_)
                of_->leave();
        }

    private:
        std::shared_ptr<lane> of_;
    };

    struct turn : waiting_call {
        bool granted = false;
    };

    struct attempt : waiting_call {
        explicit attempt(slot s) : held(std::move(s)) {}

        slot held;
        result<std::shared_ptr<stream>> made = failure{errc::unavailable, {}};
    };

    struct idle_link {
        std::shared_ptr<stream> connection;
        clock::time_point since;
    };

    failure failed(errc code, std::string_view why) const
    {
        return {code, std::string(server_->name).append(": ").append(why)};
    }

    awaitable<result<slot>> take_slot(deadline by)
    {
        if (busy_ < limits_.connections) {
            ++busy_;
            co_return slot(shared_from_this());
        }
        std::erase_if(queue_, [](const auto& each) { return !each->resume; }); // those whose deadline has passed
        if (queue_.size() >= limits_.waiting)
            co_return failed(errc::unavailable, "too many requests wait for a connection");
        const auto next = std::make_shared<turn>();
        next->by = by;
        queue_.push_back(next);
        const auto late = co_await waiters_->wait(next);
        if (next->granted) {
            slot mine(shared_from_this());
            if (!late)
                co_return std::move(mine);
        }
        co_return failed(errc::timed_out, "all connections were busy until the deadline");
    }

    void leave()
    {
        for (; !queue_.empty(); queue_.pop_front()) {
            const auto next = queue_.front();
            if (!next->resume)
                continue;
            queue_.pop_front();
            next->granted = true;
            finish(next);
            return;
        }
        --busy_;
    }

    void finish(std::shared_ptr<waiting_call> done)
    {
        boost::asio::post(on_, [to = waiters_, done = std::move(done)] { to->finish(std::vector{done}); });
    }

    std::shared_ptr<stream> idle_connection()
    {
        std::erase_if(idle_, [oldest = clock::now() - limits_.idle](const auto& l) { return l.since < oldest; });
        while (!idle_.empty()) {
            auto last = std::move(idle_.back().connection);
            idle_.pop_back();
            if (is_silent(*last))
                return last;
        }
        return nullptr;
    }

    // In a coroutine of its own, since the system's resolver cannot be interrupted and callers do not wait for it. It
    // has the slot meanwhile, so that what hangs there is bounded.
    awaitable<result<std::pair<slot, std::shared_ptr<stream>>>> connect_until(slot mine, deadline by)
    {
        const auto next = std::make_shared<attempt>(std::move(mine));
        next->by = by;
        boost::asio::co_spawn(on_.get_executor(), make_connection(shared_from_this(), next), boost::asio::detached);
        if (co_await waiters_->wait(next))
            co_return failed(errc::timed_out, "connecting took too long");
        if (!next->made)
            co_return failed(clock::now() < by ? errc::unavailable : errc::timed_out, next->made.error().detail);
        co_return std::pair(std::move(next->held), *std::move(next->made));
    }

    static awaitable<void> make_connection(std::shared_ptr<lane> self, std::shared_ptr<attempt> to)
    {
        to->made = co_await connect(self->on_.get_executor(), self->server_->where, self->server_->tls.get(), to->by);
        self->finish(std::move(to));
    }

    boost::asio::io_context& on_;
    const std::shared_ptr<const http_server> server_;
    const http_limits limits_;
    const std::shared_ptr<waiters> waiters_;
    std::deque<std::shared_ptr<turn>> queue_; // for a slot
    std::size_t busy_ = 0;                    // slots taken
    std::vector<idle_link> idle_;             // the last used one at the end
};

std::string_view http_reply::header(std::string_view name) const noexcept
{
    const auto found = std::ranges::find_if(headers, [&](const auto& h) { return same_letters(h.name, name); });
    return found == headers.end() ? std::string_view() : std::string_view(found->value);
}

http_client::http_client(runtime& threads, http_server server, http_limits limits) : host_(host_of(server))
{
    const auto shared = std::make_shared<const http_server>(std::move(server));
    for (std::size_t i = 0; i < threads.threads(); ++i)
        lanes_.push_back(std::make_shared<lane>(threads.context(i), shared, limits));
}

http_client::~http_client()
{
    for (const auto& each : lanes_)
        each->abandon();
}

awaitable<result<http_reply>> http_client::call(const http_request& request, deadline by)
{
    return lanes_[runtime::this_thread()]->call(request, host_, by);
}

} // namespace coatcheck
