#pragma once
// Real uWSGI servers, and somebody else who talks to their caches.

#include "backends/backend.hpp"
#include "backends/uwsgi/packet.hpp"
#include "tests/support/server.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coatcheck::conformance {

// Ends at once: a master takes a second to end its worker.
class uwsgi_server : public testing::server {
public:
    explicit uwsgi_server(std::vector<std::string> options = {}) : server("uwsgi", std::move(options)) {}
    ~uwsgi_server() { crash(); }
    uwsgi_server(const uwsgi_server&) = delete;
    uwsgi_server& operator=(const uwsgi_server&) = delete;
};

std::string uwsgi_at(std::uint16_t port);

// The key under which a session is kept.
std::string uwsgi_key(const session_key& key);

// Asks the cache "sessions"; the bytes that come until the server closes.
std::string ask_uwsgi(const uwsgi_server& server, uwsgi::request what);

// The value that it has, if any.
std::optional<std::string> value_in_uwsgi(const uwsgi_server& server, const std::string& key);

} // namespace coatcheck::conformance
