#include "tests/conformance/proxy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>

namespace coatcheck::conformance {

namespace {

sockaddr_in loopback(std::uint16_t port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

bool send_all(int to, const char* bytes, std::size_t size)
{
    return size == 0 || send(to, bytes, size, MSG_NOSIGNAL) == static_cast<ssize_t>(size);
}

constexpr int look_for_stop_ms = 20;

} // namespace

proxy::proxy(std::uint16_t server) : server_(server), listening_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
{
    auto address = loopback(0);
    socklen_t length = sizeof address;
    if (bind(listening_, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(listening_, 64) != 0 ||
        getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
        throw std::runtime_error("the proxy cannot listen");
    port_ = ntohs(address.sin_port);
    accepting_ = std::jthread([this](const std::stop_token& stop) { accept_until_stopped(stop); });
}

proxy::~proxy()
{
    accepting_.request_stop();
    accepting_.join();
    threads_.clear();
    close(listening_);
}

void proxy::say(std::string bytes)
{
    lies_.push_back(std::move(bytes));
    lie_ = &lies_.back();
}

void proxy::accept_until_stopped(const std::stop_token& stop)
{
    while (!stop.stop_requested()) {
        pollfd waiting{listening_, POLLIN, 0};
        if (poll(&waiting, 1, look_for_stop_ms) != 1)
            continue;
        const int client = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
        ++connections_;
        threads_.emplace_back([this, client](const std::stop_token& own) { carry(client, own); });
    }
}

void proxy::carry(int client, const std::stop_token& stop)
{
    const auto address = loopback(server_);
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::array<char, 65536> buffer;
    if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        while (!stop.stop_requested()) {
            if (stalled_) {
                std::this_thread::sleep_for(std::chrono::milliseconds(2));
                continue;
            }
            std::array<pollfd, 2> ends{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
            if (poll(ends.data(), ends.size(), look_for_stop_ms) <= 0 || stalled_)
                continue;
            if (ends[0].revents != 0) {
                const auto n = recv(client, buffer.data(), buffer.size(), 0);
                if (n <= 0 || !send_all(server, buffer.data(), static_cast<std::size_t>(n)))
                    break;
            }
            if (ends[1].revents != 0 && !carry_replies(server, client))
                break;
        }
    }
    close(server);
    close(client);
}

bool proxy::send_reply(int client, std::string_view bytes) const
{
    if (!sliced_)
        return send_all(client, bytes.data(), bytes.size());
    // Each byte a segment of its own, and a read of its own while the client keeps up.
    const int on = 1;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return std::ranges::all_of(bytes, [client](const char& byte) { return send_all(client, &byte, 1); });
}

bool proxy::carry_replies(int server, int client)
{
    std::array<char, 65536> buffer;
    auto n = recv(server, buffer.data(), buffer.size(), 0);
    if (n <= 0)
        return false;
    if (const auto* lie = lie_.exchange(nullptr))
        return send_all(client, lie->data(), lie->size());
    int left = left_;
    if (left < 0)
        return send_reply(client, {buffer.data(), static_cast<std::size_t>(n)});
    if (n >= left) {
        left_ = -1;
        send_all(client, buffer.data(), static_cast<std::size_t>(left));
        return false;
    }
    left_ = left - static_cast<int>(n);
    return send_all(client, buffer.data(), static_cast<std::size_t>(n));
}

} // namespace coatcheck::conformance
