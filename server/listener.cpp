#include "server/listener.hpp"

#include "server/log.hpp"
#include "server/problem.hpp"
#include "server/response.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>

namespace coatcheck {

namespace asio = boost::asio;
using asio::ip::tcp;
using unix_stream = asio::local::stream_protocol;

namespace {

constexpr asio::use_awaitable_t<executor> awaiting{};
constexpr int backlog = 4096;
constexpr std::chrono::milliseconds exhausted_pause{100};

using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
using pause_timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>;

[[noreturn]] void fail(const listen_address& where, const boost::system::error_code& ec)
{
    std::string why = "cannot listen on " + where.str() + ": ";
    if (ec == asio::error::address_in_use)
        why += "the address is in use, perhaps by another coatcheckd; stop that one or choose another with "
               "COATCHECK_LISTEN";
    else if (ec == asio::error::access_denied)
        why += "this user may not";
    else
        why += ec.message();
    throw std::runtime_error(why);
}

// Tells a client over the connection limit so, if that takes no waiting.
void turn_away(stream_socket socket, bool plain)
{
    response answer;
    set_problem(answer, errc::unavailable, "This daemon has as many connections as it takes; try again.");
    answer.close = true;
    std::string text;
    render(answer, {.date = http_date(std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()))},
           text);
    log::info("connection refused", {{"status", answer.status}, {"request_id", answer.request_id}});
    boost::system::error_code ec;
    socket.non_blocking(true, ec);
    if (plain && !ec)
        socket.send(asio::buffer(text), 0, ec);
    socket.shutdown(asio::socket_base::shutdown_send, ec);
    // Closing over a request that is there already would reset the connection and could take the answer with it.
    char discarded[4096];
    for (int i = 0; i < 4 && !ec; ++i)
        socket.read_some(asio::buffer(discarded), ec);
}

// One acceptor, used on one thread.
template <class Protocol>
class acceptor {
public:
    using socket_type = typename Protocol::socket::template rebind_executor<executor>::other;
    using acceptor_type = asio::basic_socket_acceptor<Protocol, executor>;

    // Deals connections over `targets`, indices of the runtime's threads.
    acceptor(acceptor_type listening, std::vector<std::size_t> targets, listener_traits traits, serving& env)
        : listening_(std::move(listening)), pause_(listening_.get_executor()), targets_(std::move(targets)),
          traits_(traits), env_(env)
    {}

    void start() { asio::co_spawn(listening_.get_executor(), accept_all(), asio::detached); }

    void drain()
    {
        asio::post(listening_.get_executor(), [this] { take_the_queue_and_close(); });
    }

private:
    awaitable<void> accept_all()
    {
        while (listening_.is_open()) {
            const std::size_t target = next_target();
            socket_type socket(env_.threads.context(target));
            boost::system::error_code ec;
            co_await listening_.async_accept(socket, asio::redirect_error(awaiting, ec));
            if (!ec) {
                take(std::move(socket), target);
            } else if (ec == asio::error::operation_aborted) {
                co_return;
            } else if (is_exhaustion(ec)) {
                // The queue keeps the connection; trying again at once would only spin.
                log::warn("cannot accept", {{"error", ec.message()}});
                env_.shared.counters.connection_refused(runtime::this_thread());
                pause_.expires_after(exhausted_pause);
                co_await pause_.async_wait(asio::redirect_error(awaiting, ec));
            }
        }
    }

    // Closing at once would reset the connections that wait in the queue.
    void take_the_queue_and_close()
    {
        boost::system::error_code ec;
        listening_.cancel(ec);
        listening_.non_blocking(true, ec);
        while (!ec) {
            const std::size_t target = next_target();
            socket_type socket(env_.threads.context(target));
            listening_.accept(socket, ec);
            if (!ec)
                take(std::move(socket), target);
        }
        listening_.close(ec);
    }

    void take(socket_type socket, std::size_t target)
    {
        if constexpr (std::is_same_v<Protocol, tcp>) {
            boost::system::error_code ec;
            socket.set_option(tcp::no_delay(true), ec);
        }
        auto tls = traits_.is_tcp && env_.tls && !traits_.ops_only ? env_.tls() : nullptr;
        stream_socket generic(std::move(socket));
        if (env_.shared.counters.connections() >= env_.shared.settings.limits.connections) {
            env_.shared.counters.connection_refused(runtime::this_thread());
            return turn_away(std::move(generic), tls == nullptr);
        }
        start_connection(std::move(generic), std::move(tls), traits_, env_.shared, *env_.by_thread[target]);
    }

    static bool is_exhaustion(const boost::system::error_code& ec) noexcept
    {
        return ec == boost::system::errc::too_many_files_open ||
               ec == boost::system::errc::too_many_files_open_in_system ||
               ec == boost::system::errc::not_enough_memory || ec == boost::system::errc::no_buffer_space;
    }

    std::size_t next_target() noexcept { return targets_[next_++ % targets_.size()]; }

    acceptor_type listening_;
    pause_timer pause_;
    std::vector<std::size_t> targets_;
    std::size_t next_ = 0;
    listener_traits traits_;
    serving& env_;
};

class tcp_listener final : public listener {
public:
    tcp_listener(const listen_address& where, listener_traits traits, serving& env) : where_(where)
    {
        boost::system::error_code ec;
        tcp::endpoint endpoint(asio::ip::make_address(where.host, ec), where.port);
        if (ec)
            fail(where, ec);
        // With SO_REUSEPORT a second daemon would bind without an error and take half of the traffic.
        {
            acceptor<tcp>::acceptor_type probe(env.threads.context(0));
            open(probe, endpoint, false);
            endpoint = probe.local_endpoint();
        }
        where_.port = endpoint.port();
        for (std::size_t i = 0; i < env.threads.threads(); ++i) {
            acceptor<tcp>::acceptor_type listening(env.threads.context(i));
            open(listening, endpoint, true);
            acceptors_.push_back(
                std::make_unique<acceptor<tcp>>(std::move(listening), std::vector<std::size_t>{i}, traits, env));
        }
    }

    void start() override
    {
        for (auto& a : acceptors_)
            a->start();
    }
    void drain() override
    {
        for (auto& a : acceptors_)
            a->drain();
    }
    std::string address() const override { return where_.str(); }

private:
    void open(acceptor<tcp>::acceptor_type& a, const tcp::endpoint& endpoint, bool shared)
    {
        boost::system::error_code ec;
        a.open(endpoint.protocol(), ec);
        if (!ec)
            a.set_option(asio::socket_base::reuse_address(true), ec);
        if (!ec && endpoint.protocol() == tcp::v6())
            a.set_option(asio::ip::v6_only(true), ec);
        if (!ec && shared)
            a.set_option(reuse_port(true), ec);
        if (!ec)
            a.bind(endpoint, ec);
        if (!ec)
            a.listen(backlog, ec);
        if (ec)
            fail(where_, ec);
    }

    listen_address where_;
    std::vector<std::unique_ptr<acceptor<tcp>>> acceptors_;
};

class unix_listener final : public listener {
public:
    unix_listener(const listen_address& where, listener_traits traits, serving& env) : where_(where)
    {
        boost::system::error_code ec;
        remove_stale_socket(env);
        acceptor<unix_stream>::acceptor_type listening(env.threads.context(0));
        listening.open(unix_stream(), ec);
        // Nobody may connect between bind and the mode that was asked for.
        const mode_t before = ::umask(0177);
        if (!ec)
            listening.bind(unix_stream::endpoint(where.path), ec);
        ::umask(before);
        if (!ec) {
            name_.emplace(where.path);
            set_owner();
            listening.listen(backlog, ec);
        }
        if (ec)
            fail(where, ec);
        std::vector<std::size_t> everywhere(env.threads.threads());
        for (std::size_t i = 0; i < everywhere.size(); ++i)
            everywhere[i] = i;
        acceptor_.emplace(std::move(listening), std::move(everywhere), traits, env);
    }

    void start() override { acceptor_->start(); }
    void drain() override { acceptor_->drain(); }
    std::string address() const override { return where_.str(); }

private:
    // A socket that nobody listens on was left by a daemon that was killed.
    void remove_stale_socket(serving& env)
    {
        struct stat found{};
        if (::lstat(where_.path.c_str(), &found) != 0)
            return;
        if (!S_ISSOCK(found.st_mode))
            throw std::runtime_error("cannot listen on " + where_.str() + ": there is a file that is not a socket");
        boost::system::error_code ec;
        asio::basic_stream_socket<unix_stream, executor> probe(env.threads.context(0));
        probe.connect(unix_stream::endpoint(where_.path), ec);
        if (!ec)
            fail(where_, asio::error::address_in_use);
        if (ec == asio::error::connection_refused)
            ::unlink(where_.path.c_str());
    }

    void set_owner()
    {
        if (where_.group) {
            const group* g = ::getgrnam(where_.group->c_str());
            if (g == nullptr || ::chown(where_.path.c_str(), static_cast<uid_t>(-1), g->gr_gid) != 0)
                throw std::runtime_error(
                    "cannot listen on " + where_.str() +
                    (g == nullptr ? ": there is no such group" : ": this user may not give it that group"));
        }
        if (::chmod(where_.path.c_str(), where_.mode.value_or(0660)) != 0)
            throw std::runtime_error("cannot listen on " + where_.str() + ": its mode cannot be set");
    }

    // The socket's name, which goes with the listener, and with one whose constructor fails.
    struct bound_name {
        explicit bound_name(std::string p) : path(std::move(p)) {}
        ~bound_name() { ::unlink(path.c_str()); }
        bound_name(const bound_name&) = delete;
        bound_name& operator=(const bound_name&) = delete;
        std::string path;
    };

    listen_address where_;
    std::optional<bound_name> name_;
    std::optional<acceptor<unix_stream>> acceptor_;
};

} // namespace

std::unique_ptr<listener> open_listener(const listen_address& where, listener_traits traits, serving& env)
{
    if (where.kind == listen_address::family::tcp)
        return std::make_unique<tcp_listener>(where, traits, env);
    return std::make_unique<unix_listener>(where, traits, env);
}

} // namespace coatcheck
