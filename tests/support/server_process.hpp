#pragma once
// Real servers for tests: started in a temporary folder, awaited, ended by their pid.

#include "tests/support/temporary_folder.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coatcheck::testing {

// Ends the test program because something of the machine's is missing: a visible skip for a developer, a failure in CI.
[[noreturn]] inline void missing(const std::string& what)
{
    std::fprintf(stderr, "this test needs %s\n", what.c_str());
    std::fflush(nullptr);
    std::_Exit(std::getenv("CI") != nullptr ? 1 : 77);
}

// Whether `program` is an executable file of PATH.
inline bool installed(const std::string& program)
{
    std::istringstream folders(std::getenv("PATH") != nullptr ? std::getenv("PATH") : "");
    for (std::string folder; std::getline(folders, folder, ':');)
        if (access((folder + "/" + program).c_str(), X_OK) == 0)
            return true;
    return false;
}

// A TCP port of 127.0.0.1 that nobody listens on at the moment.
inline std::uint16_t free_port()
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                       getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0;
    close(fd);
    if (!bound)
        throw std::runtime_error("no free port");
    return ntohs(address.sin_port);
}

class server_process {
public:
    // Starts `arguments[0]`, looked up in PATH. Its output goes to the file `log`. It dies with the thread that started
    // it, so that a test that crashes leaves none behind.
    server_process(std::vector<std::string> arguments, std::filesystem::path log) : log_(std::move(log))
    {
        std::vector<char*> argv;
        for (auto& a : arguments)
            argv.push_back(a.data());
        argv.push_back(nullptr);
        pid_ = fork();
        if (pid_ < 0)
            throw std::runtime_error("fork failed");
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            const int out = open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
            dup2(out, STDOUT_FILENO);
            dup2(out, STDERR_FILENO);
            execvp(argv[0], argv.data());
            _exit(127);
        }
    }
    ~server_process() { stop(); }
    server_process(const server_process&) = delete;
    server_process& operator=(const server_process&) = delete;

    // 0 once it has ended.
    pid_t pid() const noexcept { return pid_; }

    void signal(int number) const
    {
        if (pid_ > 0)
            kill(pid_, number);
    }

    // Returns when the process is gone: SIGTERM first, SIGKILL after five seconds.
    void stop()
    {
        signal(SIGTERM);
        signal(SIGCONT);
        const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        while (running() && std::chrono::steady_clock::now() < patience)
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        kill_now();
    }

    // The same without warning, as a crash of the server. What it has forked goes too: PostgreSQL's sessions would
    // answer for a moment longer.
    void kill_now()
    {
        if (pid_ > 0) {
            std::ifstream list("/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) + "/children");
            const std::vector<pid_t> children{std::istream_iterator<pid_t>(list), {}};
            kill(pid_, SIGKILL);
            for (const auto child : children)
                kill(child, SIGKILL);
            waitpid(pid_, nullptr, 0);
            pid_ = 0;
        }
    }

    // Each returns when something accepts connections there; throws std::runtime_error with the log if the process
    // ended or half a minute passed.
    void wait_for_port(std::uint16_t port)
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        wait_for(address);
    }
    void wait_for_path(const std::filesystem::path& socket_file)
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (socket_file.string().size() >= sizeof address.sun_path)
            throw std::runtime_error("too long for a Unix socket: " + socket_file.string());
        socket_file.string().copy(address.sun_path, sizeof address.sun_path - 1);
        wait_for(address);
    }

    std::string log() const
    {
        std::ostringstream text;
        text << std::ifstream(log_).rdbuf();
        return text.str();
    }

private:
    bool running()
    {
        int status = 0;
        if (pid_ > 0 && waitpid(pid_, &status, WNOHANG) == pid_) {
            pid_ = 0;
            lacks_something_ = WIFEXITED(status) && WEXITSTATUS(status) == 77;
        }
        return pid_ > 0;
    }

    template <class Address>
    void wait_for(const Address& address)
    {
        const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        const auto* generic = reinterpret_cast<const sockaddr*>(&address);
        while (running() && std::chrono::steady_clock::now() < patience) {
            const int fd = socket(generic->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
            const bool answers = connect(fd, generic, sizeof address) == 0;
            close(fd);
            if (answers)
                return;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        if (lacks_something_)
            missing(log());
        throw std::runtime_error("the server did not come up:\n" + log());
    }

    pid_t pid_;
    bool lacks_something_ = false;
    std::filesystem::path log_;
};

} // namespace coatcheck::testing
