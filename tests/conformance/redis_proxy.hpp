#pragma once
// A network between a client and a Redis server that breaks where a test wants it to.

#include <atomic>
#include <cstdint>
#include <list>
#include <string>
#include <thread>

namespace coatcheck::conformance {

class redis_proxy {
public:
    explicit redis_proxy(std::uint16_t server);
    ~redis_proxy();
    redis_proxy(const redis_proxy&) = delete;
    redis_proxy& operator=(const redis_proxy&) = delete;

    std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
    int connections() const noexcept { return connections_; }

    // The connection that brings replies next breaks after so many bytes of them. Once.
    void cut_after(int reply_bytes) { left_ = reply_bytes; }

    // Sends this in place of the server's next bytes. Once.
    void say(std::string bytes);

private:
    void accept_until_stopped(const std::stop_token& stop);
    void carry(int client, const std::stop_token& stop);
    bool carry_replies(int server, int client);

    std::uint16_t server_;
    std::uint16_t port_ = 0;
    int listening_;
    std::atomic<int> connections_ = 0;
    std::atomic<int> left_ = -1; // no limit
    std::atomic<const std::string*> lie_ = nullptr;
    std::list<std::string> lies_;
    std::list<std::jthread> threads_;
    std::jthread accepting_;
};

} // namespace coatcheck::conformance
