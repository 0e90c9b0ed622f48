#pragma once
// Says when files have changed: written in place, replaced by rename, or behind a symbolic link that was swapped, as
// Kubernetes does with mounted secrets.

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace coatcheck {

// Polls by stat: inotify watches inodes, so it would have to follow every link and folder of each path.
class file_watch {
public:
    // Build it before the first reading of the files, so that no change in between is missed. `changed` is called on
    // `context`'s thread once all files have stood still for one interval, so that a certificate and its key, or a file
    // written piece by piece, are read whole; a file that vanished is a change too. It must not throw.
    file_watch(boost::asio::io_context& context, std::vector<std::string> paths, std::function<void()> changed,
               std::chrono::milliseconds interval = std::chrono::seconds(1));

    // Afterwards `changed` is not called again. On `context`'s thread, or when it no longer runs.
    ~file_watch();

    file_watch(const file_watch&) = delete;
    file_watch& operator=(const file_watch&) = delete;

private:
    struct state;

    std::shared_ptr<state> state_;
};

} // namespace coatcheck
