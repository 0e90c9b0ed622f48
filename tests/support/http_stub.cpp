#include "tests/support/http_stub.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace coatcheck {

namespace {

// The length of the first request in `received`, 0 if it is not all there.
std::size_t request_length(std::string_view received)
{
    const auto head = received.find("\r\n\r\n");
    if (head == std::string_view::npos)
        return 0;
    constexpr std::string_view name = "Content-Length: ";
    std::size_t body = 0;
    if (const auto at = received.find(name); at < head)
        body = std::strtoul(received.data() + at + name.size(), nullptr, 10);
    const auto all = head + 4 + body;
    return received.size() >= all ? all : 0;
}

} // namespace

http_stub::http_stub(answerer answer) : answer_(std::move(answer)), listening_(::socket(AF_INET, SOCK_STREAM, 0))
{
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    auto* const any = reinterpret_cast<sockaddr*>(&at);
    if (::bind(listening_, any, size) != 0 || ::listen(listening_, 64) != 0 ||
        ::getsockname(listening_, any, &size) != 0)
        throw std::runtime_error("no socket to listen on");
    port_ = ntohs(at.sin_port);
    accepting_ = std::jthread([this] { accept_until_stopped(); });
}

http_stub::~http_stub()
{
    stopping_ = true;
    ::shutdown(listening_, SHUT_RDWR);
    accepting_.join();
    hang_up();
    threads_.clear();
    for (const int client : clients_)
        ::close(client);
    ::close(listening_);
}

std::vector<std::string> http_stub::requests() const
{
    const std::lock_guard lock(mutex_);
    return requests_;
}

void http_stub::hang_up()
{
    const std::lock_guard lock(mutex_);
    for (const int client : clients_)
        ::shutdown(client, SHUT_RDWR);
}

std::string http_stub::reply(std::string_view body, std::string_view status)
{
    std::string out = "HTTP/1.1 ";
    out.append(status).append("\r\nContent-Length: ").append(std::to_string(body.size())).append("\r\n\r\n");
    return out.append(body);
}

void http_stub::accept_until_stopped()
{
    while (!stopping_) {
        const int client = ::accept(listening_, nullptr, nullptr);
        if (client < 0)
            continue;
        ++connections_;
        const std::lock_guard lock(mutex_);
        clients_.push_back(client);
        threads_.emplace_back([this, client] { serve(client); });
    }
}

void http_stub::serve(int client)
{
    std::string received;
    char bytes[4096];
    for (;;) {
        for (std::size_t n = request_length(received); n != 0; n = request_length(received)) {
            const std::string request = received.substr(0, n);
            received.erase(0, n);
            {
                const std::lock_guard lock(mutex_);
                requests_.push_back(request);
            }
            const std::string answer = answer_(request);
            ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
            if (answer.empty() || answer.starts_with("HTTP/1.0"))
                ::shutdown(client, SHUT_RDWR);
        }
        const auto n = ::recv(client, bytes, sizeof bytes, 0);
        if (n <= 0)
            return;
        received.append(bytes, static_cast<std::size_t>(n));
    }
}

} // namespace coatcheck
