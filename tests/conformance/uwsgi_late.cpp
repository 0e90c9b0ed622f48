// Writes that reach uWSGI late.

#include "tests/conformance/fixture.hpp"
#include "tests/conformance/uwsgi_server.hpp"

#include <array>
#include <atomic>
#include <future>
#include <list>

namespace coatcheck::conformance {

namespace {

int connected_to(std::uint16_t port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("cannot connect to the uWSGI of the test");
    return fd;
}

// Hands each request to the server, and its answer back; an update only when it is let go, whoever still waits for it.
class late_network {
public:
    explicit late_network(std::uint16_t server) : server_(server), port_(testing::free_port())
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port_);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
            listen(listening_, 64) != 0)
            throw std::runtime_error("the network cannot listen");
        accepting_ = std::thread([this] {
            for (int client; (client = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;)
                carrying_.emplace_back([this, client] { carry(client); });
        });
    }
    ~late_network()
    {
        holding_ = false;
        shutdown(listening_, SHUT_RDWR);
        accepting_.join();
        for (auto& t : carrying_)
            t.join();
        close(listening_);
    }
    late_network(const late_network&) = delete;
    late_network& operator=(const late_network&) = delete;

    std::uint16_t port() const noexcept { return port_; }
    void hold_updates() { holding_ = true; }
    void let_go() { holding_ = false; }
    int held() const noexcept { return held_; }

private:
    // Requests of these tests arrive in one piece.
    void carry(int client)
    {
        std::array<char, 65536> buffer;
        auto n = recv(client, buffer.data(), buffer.size(), 0);
        const std::string request(buffer.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
        if (holding_ && request.find("update") != std::string::npos) {
            ++held_;
            while (holding_)
                std::this_thread::sleep_for(1ms);
        }
        const int server = connected_to(server_);
        send(server, request.data(), request.size(), MSG_NOSIGNAL);
        while ((n = recv(server, buffer.data(), buffer.size(), 0)) > 0)
            send(client, buffer.data(), static_cast<std::size_t>(n), MSG_NOSIGNAL);
        close(server);
        close(client);
    }

    std::uint16_t server_;
    std::uint16_t port_;
    int listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::atomic<bool> holding_ = false;
    std::atomic<int> held_ = 0;
    std::list<std::thread> carrying_; // the accepting thread's until that has ended
    std::thread accepting_;
};

} // namespace

TEST_CASE("uwsgi: a write that its caller has given up lands before those that come later, and undoes no logout")
{
    const uwsgi_server server;
    late_network network(server.port());
    fixture f(uwsgi_at(network.port()));
    const auto key = f.new_key();
    f.put(key, "red");
    network.hold_updates();
    const auto given_up = f.wait(f.store().put(key, plain_changes(), "blue", precondition::none(), f.now,
                                               std::chrono::steady_clock::now() + 100ms));
    REQUIRE(!given_up.has_value());
    CHECK(given_up.error().code == errc::timed_out);
    REQUIRE(network.held() == 1);

    auto ending = std::async(std::launch::async,
                             [&] { return f.wait(f.store().end(key, f.now, f.now + 1min, soon())).has_value(); });
    CHECK(ending.wait_for(300ms) == std::future_status::timeout);
    CHECK(f.wait(f.store().load(key, soon()))->value().payload == "red");
    network.let_go();

    CHECK(ending.get());
    for (int look = 0; look < 20; ++look) {
        const auto about = f.wait(f.store().load(key, soon()))->value().about;
        CHECK(about.what == kind::ended);
        CHECK(about.revision == 3); // after blue
        std::this_thread::sleep_for(10ms);
    }
}

TEST_CASE("uwsgi: who waits for a write that was given up is answered at the deadline, and writes nothing")
{
    const uwsgi_server server;
    late_network network(server.port());
    fixture f(uwsgi_at(network.port()));
    const auto key = f.new_key();
    f.put(key, "red");
    network.hold_updates();
    for (const auto* payload : {"blue", "green", "yellow"}) {
        const auto start = std::chrono::steady_clock::now();
        const auto late =
            f.wait(f.store().put(key, plain_changes(), payload, precondition::none(), f.now, start + 100ms));
        REQUIRE(!late.has_value());
        CHECK(late.error().code == errc::timed_out);
        CHECK(std::chrono::steady_clock::now() - start < 600ms);
    }
    CHECK(network.held() == 1);
    CHECK(f.wait(f.store().put(f.new_key(), plain_changes(), "another session", precondition::none(), f.now, soon()))
              .has_value());
    network.let_go();
    CHECK(f.wait(f.store().put(key, plain_changes(), "white", precondition::none(), f.now, soon())).has_value());
    const auto held = f.wait(f.store().load(key, soon()))->value();
    CHECK(held.payload == "white");
    CHECK(held.about.revision == 3); // after red and blue
}

} // namespace coatcheck::conformance
