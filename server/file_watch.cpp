#include "server/file_watch.hpp"

#include <boost/asio/steady_timer.hpp>

#include <sys/stat.h>

#include <array>

namespace coatcheck {

namespace {

// What differs whenever a file has changed; all zero for a file that is not there. The inode of a link's target, so
// that a swapped link is seen.
using signature = std::array<std::int64_t, 7>;

signature look_at(const std::string& path)
{
    struct stat s;
    if (stat(path.c_str(), &s) != 0)
        return {};
    return {static_cast<std::int64_t>(s.st_dev),
            static_cast<std::int64_t>(s.st_ino),
            s.st_size,
            s.st_mtim.tv_sec,
            s.st_mtim.tv_nsec,
            s.st_ctim.tv_sec,
            s.st_ctim.tv_nsec};
}

} // namespace

struct file_watch::state : std::enable_shared_from_this<state> {
    state(boost::asio::io_context& context, std::vector<std::string> p, std::function<void()> c,
          std::chrono::milliseconds i)
        : paths(std::move(p)), changed(std::move(c)), interval(i), timer(context), reported(look()), seen(reported)
    {}

    std::vector<signature> look() const
    {
        std::vector<signature> found;
        for (const auto& path : paths)
            found.push_back(look_at(path));
        return found;
    }

    void wait()
    {
        timer.expires_after(interval);
        // The timer may have fired when the watch ends, so its handler must not keep a bare pointer.
        timer.async_wait([weak = weak_from_this()](boost::system::error_code) {
            if (const auto self = weak.lock())
                self->poll();
        });
    }

    void poll()
    {
        auto now = look();
        const bool still = now == seen;
        seen = std::move(now);
        wait();
        if (still && seen != reported) {
            reported = seen;
            changed();
        }
    }

    std::vector<std::string> paths;
    std::function<void()> changed;
    std::chrono::milliseconds interval;
    boost::asio::steady_timer timer;
    std::vector<signature> reported;
    std::vector<signature> seen;
};

file_watch::file_watch(boost::asio::io_context& context, std::vector<std::string> paths, std::function<void()> changed,
                       std::chrono::milliseconds interval)
    : state_(std::make_shared<state>(context, std::move(paths), std::move(changed), interval))
{
    state_->wait();
}

file_watch::~file_watch() = default;

} // namespace coatcheck
