#include "tests/conformance/redis_server.hpp"

#include "tests/support/certificates.hpp"

#include <hiredis/hiredis.h>

#include <cstdlib>
#include <fstream>

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

redis_shell::redis_shell(const std::string& host, std::uint16_t port, const std::string& password)
    : context_(redisConnect(host.c_str(), port))
{
    if (!password.empty())
        (*this)({"AUTH", password});
}

bool redis_shell::connected() const
{
    return context_ != nullptr && context_->err == 0;
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

std::string redis_group::hosts(std::initializer_list<int> nodes) const
{
    std::string all;
    for (const int node : nodes)
        all.append(all.empty() ? "" : ",").append(host(node)).append(":").append(std::to_string(port()));
    return all;
}

void redis_group::signal_node(int node, int number) const
{
    pid_t pid = 0;
    std::ifstream(folder() / std::to_string(node) / "pid") >> pid;
    if (pid > 1)
        kill(pid, number);
}

void redis_group::kill_node(int node) const
{
    std::ofstream(folder() / std::to_string(node) / "down");
    signal_node(node, SIGKILL);
}

void redis_group::revive_node(int node) const
{
    std::filesystem::remove(folder() / std::to_string(node) / "down");
}

std::string cluster_url(const redis_group& nodes, const std::string& rest)
{
    return "redis+cluster://" + nodes.hosts({1, 2, 3}) + "/" + rest;
}

std::vector<std::string> app_user(std::initializer_list<std::string> more)
{
    std::vector<std::string> options{"--user",     "app",   "on",        ">secret", "~coatcheck:*",
                                     "+get",       "+set",  "+setrange", "+del",    "+persist",
                                     "+pexpireat", "+eval", "+evalsha",  "+ping",   "+select"};
    options.insert(options.end(), more);
    return options;
}

test_authority::test_authority()
{
    testing::make_certificates(folder_.path());
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
