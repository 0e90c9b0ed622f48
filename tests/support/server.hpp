#pragma once
// A real server of a kind that tests/support/servers/ knows how to start.

#include "tests/support/server_process.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coatcheck::testing {

// tests/support/servers/KIND is a script that becomes the server: `KIND PORT FOLDER [OPTION]...`. It listens on
// 127.0.0.1:PORT, keeps all of its files in FOLDER, which it is handed again after a restart, and exits with 77 if the
// machine lacks what it needs. What listens before it is of use has a file FOLDER/starting meanwhile.
class server {
public:
    explicit server(std::string kind, std::vector<std::string> options = {})
        : kind_(std::move(kind)), options_(std::move(options)), port_(free_port())
    {
        start();
    }

    std::uint16_t port() const noexcept { return port_; }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    std::filesystem::path folder() const { return folder_.path(); }
    std::string log() const { return process_->log(); }

    void signal(int number) const { process_->signal(number); }
    void crash() { process_->kill_now(); }
    void stop() { process_->stop(); }

    void start()
    {
        std::vector<std::string> words{std::string(COATCHECK_TEST_SERVERS) + "/" + kind_, std::to_string(port_),
                                       folder_.path().string()};
        words.insert(words.end(), options_.begin(), options_.end());
        process_.emplace(words, folder_.path() / "log");
        process_->wait_for_port(port_);
        const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (exists(folder_.path() / "starting")) {
            if (std::chrono::steady_clock::now() > patience)
                throw std::runtime_error("the server " + kind_ + " did not get ready:\n" + log());
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }

private:
    std::string kind_;
    std::vector<std::string> options_;
    temporary_folder folder_;
    std::uint16_t port_;
    std::optional<server_process> process_;
};

} // namespace coatcheck::testing
