#pragma once
// A network between a client and a server that breaks where a test wants it to.

#include <atomic>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <thread>

namespace coatcheck::conformance {

class proxy {
public:
    explicit proxy(std::uint16_t server);
    ~proxy();
    proxy(const proxy&) = delete;
    proxy& operator=(const proxy&) = delete;

    std::uint16_t port() const noexcept { return port_; }
    int connections() const noexcept { return connections_; }

    // The connection that brings replies next breaks after so many bytes of them. Once.
    void cut_after(int reply_bytes) { left_ = reply_bytes; }

    // Nothing arrives on either side, and connections are accepted all the same, until resume().
    void stall() { stalled_ = true; }
    void resume() { stalled_ = false; }

    // Replies arrive a byte at a time.
    void slice() { sliced_ = true; }

    // Sends this in place of the server's next bytes. Once.
    void say(std::string bytes);

private:
    void accept_until_stopped(const std::stop_token& stop);
    void carry(int client, const std::stop_token& stop);
    bool send_reply(int client, std::string_view bytes) const;
    bool carry_replies(int server, int client);

    std::uint16_t server_;
    std::uint16_t port_ = 0;
    int listening_;
    std::atomic<int> connections_ = 0;
    std::atomic<int> left_ = -1; // no limit
    std::atomic<bool> stalled_ = false;
    std::atomic<bool> sliced_ = false;
    std::atomic<const std::string*> lie_ = nullptr;
    std::list<std::string> lies_;
    std::list<std::jthread> threads_;
    std::jthread accepting_;
};

} // namespace coatcheck::conformance
