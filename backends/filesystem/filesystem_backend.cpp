#include "backends/driver.hpp"
#include "backends/filesystem/config.hpp"
#include "backends/filesystem/locks.hpp"
#include "backends/filesystem/medium.hpp"
#include "backends/filesystem/sample.hpp"
#include "backends/filesystem/session_file.hpp"
#include "backends/filesystem/sweeper.hpp"
#include "backends/transport/blocking_lane.hpp"
#include "backends/transport/pause.hpp"

#include <atomic>

namespace coatcheck {

namespace {

using namespace std::chrono_literals;
using filesystem::session_files;
using filesystem::unless_locked;

// Threads that wait for the disk, most of the time.
constexpr std::size_t writing_threads = 16;
constexpr std::size_t reading_threads = 4;

// What may wait for the disk: seconds of work for a slow one.
constexpr std::size_t max_waiting_bytes = std::size_t{128} << 20U;

constexpr auto lock_pause = 4ms;

// A payload on its way to the disk, which its caller may have given up on, and which may outlive the backend.
class waiting_payload {
public:
    waiting_payload(std::string_view bytes, std::shared_ptr<std::atomic<std::size_t>> waiting)
        : bytes_(bytes), waiting_(std::move(waiting))
    {
        *waiting_ += bytes_.size();
    }
    ~waiting_payload() { *waiting_ -= bytes_.size(); }
    waiting_payload(const waiting_payload&) = delete;
    waiting_payload& operator=(const waiting_payload&) = delete;

    std::string_view bytes() const noexcept { return bytes_; }

private:
    std::string bytes_;
    std::shared_ptr<std::atomic<std::size_t>> waiting_;
};

class filesystem_backend final : public backend {
public:
    filesystem_backend(const filesystem::config& c, runtime& threads)
        : medium_(prepared(c)), readers_(threads, reading_threads, maker(c))
    {
        for (std::size_t i = 0; i < writing_threads; ++i)
            writers_.push_back(std::make_unique<lane>(threads, 1, maker(c)));
        sweeper_.emplace(c.folder, known_);
    }

    capabilities caps() const noexcept override
    {
        return {medium_.conditional_writes, tombstones::kept, medium_.durable, filesystem::max_payload};
    }

    acknowledgement acknowledges() const override { return medium_.says; }

    awaitable<result<std::optional<record>>> load(const session_key& key, deadline by) override
    {
        return readers_.run<std::optional<record>>([name = key.name](session_files& files) { return files.load(name); },
                                                   by);
    }

    awaitable<result<write>> put(const session_key& key, const head_changes& changes, std::string_view payload,
                                 precondition when, time_point now, deadline by) override
    {
        if (payload.size() > filesystem::max_payload)
            co_return failure{errc::too_large, "file: a payload of " + std::to_string(payload.size()) + " bytes"};
        if (*waiting_bytes_ + payload.size() > max_waiting_bytes)
            co_return failure{errc::unavailable, "file: too many writes wait for the disk"};
        auto work = [name = key.name, changes, bytes = std::make_shared<waiting_payload>(payload, waiting_bytes_), when,
                     now](session_files& files) { return files.put(name, changes, bytes->bytes(), when, now); };
        co_return co_await write_to<write>(key.name, std::move(work), by);
    }

    awaitable<result<bool>> swap(const session_key& key, const head* seen, const head& next,
                                 std::optional<std::string_view> payload, time_point now, deadline by) override
    {
        if (payload && payload->size() > filesystem::max_payload)
            co_return failure{errc::too_large, "file: a payload of " + std::to_string(payload->size()) + " bytes"};
        if (payload && *waiting_bytes_ + payload->size() > max_waiting_bytes)
            co_return failure{errc::unavailable, "file: too many writes wait for the disk"};
        auto bytes = payload ? std::make_shared<waiting_payload>(*payload, waiting_bytes_) : nullptr;
        auto work = [name = key.name, seen = seen != nullptr ? std::optional(*seen) : std::nullopt, next,
                     bytes = std::move(bytes), now](session_files& files) {
            return files.swap(name, seen, next, bytes ? std::optional(bytes->bytes()) : std::nullopt, now);
        };
        co_return co_await write_to<bool>(key.name, std::move(work), by);
    }

    awaitable<result<std::optional<head>>> end(const session_key& key, time_point now, time_point keep_until,
                                               deadline by) override
    {
        auto work = [name = key.name, now, keep_until](session_files& files) {
            return files.end(name, now, keep_until);
        };
        co_return co_await write_to<std::optional<head>>(key.name, std::move(work), by);
    }

    awaitable<result<std::optional<head>>> extend(const session_key& key, time_point now,
                                                  std::chrono::milliseconds keep_after_end, deadline by) override
    {
        // Most uses write nothing, and need not wait behind those that do.
        auto held = co_await load(key, by);
        if (!held)
            co_return held.error();
        if (!*held || (*held)->about.keep_until <= now)
            co_return std::nullopt;
        if (!is_live((*held)->about, now) || !needs_extension((*held)->about, now))
            co_return std::optional(std::move((*held)->about));
        auto work = [name = key.name, now, keep_after_end](session_files& files) {
            return files.extend(name, now, keep_after_end);
        };
        co_return co_await write_to<std::optional<head>>(key.name, std::move(work), by);
    }

    awaitable<result<void>> probe(deadline by) override
    {
        return writers_[next_probe_++ % writing_threads]->run<void>([](session_files& files) { return files.probe(); },
                                                                    by);
    }

private:
    using lane = blocking_lane<session_files>;

    static filesystem::medium prepared(const filesystem::config& c)
    {
        filesystem::prepare(c.folder);
        return filesystem::medium_of(c.folder);
    }

    std::function<std::unique_ptr<session_files>()> maker(const filesystem::config& c)
    {
        return [folder = c.folder, &known = known_] { return std::make_unique<session_files>(folder, known); };
    }

    // A session's writes wait in one queue, so that those of one daemon do not meet at its lock. What another daemon
    // has locked is tried again, and holds up no thread meanwhile.
    template <class T>
    awaitable<result<T>> write_to(handle name, std::function<result<unless_locked<T>>(session_files&)> work,
                                  deadline by)
    {
        const auto place = static_cast<std::uint64_t>(filesystem::place_of(name));
        constexpr std::uint64_t mixing = 0x9e3779b97f4a7c15; // the high bits of the product depend on all of the place
        lane& mine = *writers_[((place * mixing) >> 32U) % writing_threads];
        for (;;) {
            auto answer = co_await mine.run<unless_locked<T>>(work, by);
            if (!answer)
                co_return answer.error();
            if (*answer)
                co_return **std::move(answer);
            if (!co_await pause_at_most(lock_pause, by))
                co_return failure{errc::timed_out, "file: another daemon had the session's lock until the deadline"};
        }
    }

    filesystem::medium medium_;
    filesystem::synced_folders known_;
    std::shared_ptr<std::atomic<std::size_t>> waiting_bytes_ = std::make_shared<std::atomic<std::size_t>>(0);
    std::atomic<std::size_t> next_probe_ = 0;
    lane readers_;
    std::vector<std::unique_ptr<lane>> writers_;
    std::optional<filesystem::sweeper> sweeper_;
};

std::unique_ptr<backend> open(const backend_url& url, runtime& threads)
{
    return std::make_unique<filesystem_backend>(filesystem::parse(url), threads);
}

void check(const backend_url& url)
{
    const auto c = filesystem::parse(url);
    filesystem::examine(c.folder);
    filesystem::check_sample(c.folder);
}

} // namespace

const driver filesystem_driver{
    .says = {.title = "file system",
             .url = "`file:///var/lib/sessions`",
             .survives = "a power cut, on a disk of the machine's own",
             .conditional_writes = kept_by::store,
             .tombstones = "kept",
             .limits = "sessions up to 64 MiB; the daemons of one machine; a full disk refuses new and changed data "
                       "(507), sessions are used and ended"},
    .open = &open,
    .check = &check,
};

} // namespace coatcheck
