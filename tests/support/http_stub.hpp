#pragma once
// An HTTP server on a real socket whose answers the test makes.

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace coatcheck {

class http_stub {
public:
    // Makes the bytes of the answer from those of a request. An answer that is empty closes the connection; so does
    // one that begins with "HTTP/1.0", after it. Called by several threads.
    using answerer = std::function<std::string(const std::string& request)>;

    explicit http_stub(answerer answer);
    ~http_stub();
    http_stub(const http_stub&) = delete;
    http_stub& operator=(const http_stub&) = delete;

    std::uint16_t port() const noexcept { return port_; }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    int connections() const noexcept { return connections_; }
    std::vector<std::string> requests() const;

    // Breaks what is connected.
    void hang_up();

    static std::string reply(std::string_view body, std::string_view status = "200 OK");

private:
    void accept_until_stopped();
    void serve(int client);

    answerer answer_;
    int listening_;
    std::uint16_t port_ = 0;
    std::atomic<int> connections_ = 0;
    std::atomic<bool> stopping_ = false;
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::vector<int> clients_;
    std::list<std::jthread> threads_;
    std::jthread accepting_;
};

} // namespace coatcheck
