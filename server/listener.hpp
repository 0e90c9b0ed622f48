#pragma once
// A listening address: TCP with one acceptor a thread, or a Unix socket whose one acceptor deals to the threads.

#include "server/config.hpp"
#include "server/connection.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

namespace coatcheck {

// What listeners share: where connections go and how many there may be.
struct serving {
    runtime& threads;
    service& shared;
    std::vector<std::unique_ptr<connections>>& by_thread;
    std::function<std::shared_ptr<boost::asio::ssl::context>()> tls; // empty: TCP is plain
};

class listener {
public:
    virtual ~listener() = default;

    virtual void start() = 0;

    // Takes what has connected so far, then closes. From any thread.
    virtual void drain() = 0;

    virtual std::string address() const = 0;
};

// Binds and listens. Throws std::runtime_error that says what is in the way: the address is in use, or the right is
// missing. `env` must outlive the listener.
std::unique_ptr<listener> open_listener(const listen_address& where, listener_traits traits, serving& env);

} // namespace coatcheck
