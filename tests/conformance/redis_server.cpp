#include "tests/conformance/redis_server.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <cstdlib>

namespace coatcheck::conformance {

namespace {

std::string text_of(const redisReply& r)
{
    switch (r.type) {
    case REDIS_REPLY_INTEGER:
        return std::to_string(r.integer);
    case REDIS_REPLY_ARRAY: {
        std::string lines;
        for (std::size_t i = 0; i < r.elements; ++i)
            lines += text_of(*r.element[i]) + "\n";
        return lines;
    }
    case REDIS_REPLY_NIL:
        return "";
    default:
        return {r.str, static_cast<std::size_t>(r.len)};
    }
}

} // namespace

redis_shell::redis_shell(std::uint16_t port, const std::string& password) : context_(redisConnect("127.0.0.1", port))
{
    if (context_ == nullptr || context_->err != 0)
        throw std::runtime_error("cannot connect to the Redis of the test");
    if (!password.empty())
        (*this)({"AUTH", password});
}

redis_shell::~redis_shell()
{
    redisFree(context_);
}

std::string redis_shell::operator()(const std::vector<std::string>& words)
{
    std::vector<const char*> argv;
    std::vector<std::size_t> lengths;
    for (const auto& w : words) {
        argv.push_back(w.data());
        lengths.push_back(w.size());
    }
    auto* const reply = static_cast<redisReply*>(
        redisCommandArgv(context_, static_cast<int>(argv.size()), argv.data(), lengths.data()));
    if (reply == nullptr)
        return std::string("no reply: ") + context_->errstr;
    std::string text = text_of(*reply);
    freeReplyObject(reply);
    return text;
}

bool redis_shell::says(const std::vector<std::string>& words, const std::string& part)
{
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    do {
        if ((*this)(words).find(part) != std::string::npos)
            return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    } while (std::chrono::steady_clock::now() < patience);
    return false;
}

redis_server::redis_server(std::vector<std::string> options) : port_(testing::free_port()), options_(std::move(options))
{
    if (!testing::installed("redis-server"))
        testing::missing("redis-server");
    start();
}

void redis_server::start(const std::vector<std::string>& more)
{
    const bool tls = std::ranges::find(options_, "--tls-cert-file") != options_.end();
    std::vector<std::string> words{"redis-server",
                                   "--bind",
                                   "127.0.0.1",
                                   "--repl-diskless-sync-delay",
                                   "0",
                                   "--save",
                                   "",
                                   "--dir",
                                   folder_.path().string(),
                                   "--unixsocket",
                                   (folder_.path() / "redis.sock").string(),
                                   "--port",
                                   tls ? "0" : std::to_string(port_)};
    if (tls)
        words.insert(words.end(), {"--tls-port", std::to_string(port_)});
    words.insert(words.end(), options_.begin(), options_.end());
    words.insert(words.end(), more.begin(), more.end());
    process_.emplace(words, folder_.path() / "log");
    // Not the TCP port, which may be for TLS alone and would log a broken handshake.
    process_->wait_for_path(folder_.path() / "redis.sock");
}

void redis_server::crash()
{
    process_->kill_now();
}

test_authority::test_authority()
{
    if (!testing::installed("openssl"))
        testing::missing("openssl");
    const std::string script = "set -e; cd '" + folder_.path().string() + R"('
        new() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "$@" 2>>log; }
        new -keyout ca.key -out ca.pem -subj /CN=authority
        new -keyout other.key -out other.pem -subj /CN=stranger
        new -keyout server.key -out server.pem -subj /CN=server -CA ca.pem -CAkey ca.key \
            -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:false
        new -keyout client.key -out client.pem -subj /CN=client -CA ca.pem -CAkey ca.key \
            -addext basicConstraints=critical,CA:false)";
    if (std::system(script.c_str()) != 0)
        throw std::runtime_error("openssl cannot make certificates");
}

std::vector<std::string> test_authority::server_options() const
{
    return {"--tls-cert-file",    file("server.pem"), "--tls-key-file",     file("server.key"),
            "--tls-ca-cert-file", file("ca.pem"),     "--tls-auth-clients", "yes"};
}

std::string test_authority::url_of(const redis_server& server) const
{
    return "rediss://localhost:" + std::to_string(server.port()) + "?ca=" + file("ca.pem") +
           "&cert=" + file("client.pem") + "&key=" + file("client.key");
}

} // namespace coatcheck::conformance
