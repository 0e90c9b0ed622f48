#include "backends/filesystem/sweeper.hpp"

#include "backends/filesystem/locks.hpp"
#include "backends/filesystem/session_file.hpp"

#include <dirent.h>

#include <memory>

namespace coatcheck::filesystem {

using namespace std::chrono_literals;

namespace {

// A step looks at so many files and folders, and at the rest of the folder that it is in then: some milliseconds.
constexpr std::size_t step_size = 500;

constexpr auto between_steps = 1s;
constexpr auto when_much_has_expired = 100ms;
constexpr auto between_passes = 60s;

// A file is written in less, whatever the disk.
constexpr auto leftover_age = 1h;

time_point system_now()
{
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

} // namespace

sweeper::sweeper(std::filesystem::path root, synced_folders& known)
    : root_(std::move(root)), files_(root_, known), thread_([this](const std::stop_token& stop) { loop(stop); })
{}

void sweeper::loop(const std::stop_token& stop)
{
    clock::duration pause = 0s;
    while (!stop.stop_requested()) {
        std::unique_lock lock(mutex_);
        wake_.wait_for(lock, stop, pause, [] { return false; });
        if (!stop.stop_requested())
            pause = jittered(step(stop));
    }
}

// Between half as long and half as long again, so that daemons that started together do not sweep together.
sweeper::clock::duration sweeper::jittered(clock::duration about)
{
    return std::uniform_int_distribution(about / 2ms, about * 3 / 2ms)(jitter_) * 1ms;
}

// How long to wait for the next.
sweeper::clock::duration sweeper::step(const std::stop_token& stop)
{
    const auto opened = folders::open(root_);
    if (!opened)
        return between_passes;
    const auto lock = try_lock(opened->root, sweepers_place);
    if (!lock || !*lock)
        return between_steps;
    if (next_ == 0)
        remove_leftovers(opened->temporary, leftover_age);
    seen_ = removed_ = 0;
    while (seen_ < step_size && next_ < leaves && !stop.stop_requested())
        look_through_next_leaf(opened->sessions, stop);
    if (next_ == leaves) {
        next_ = 0;
        return between_passes;
    }
    return removed_ * 10 > seen_ ? when_much_has_expired : between_steps;
}

void sweeper::look_through_next_leaf(const descriptor& sessions, const std::stop_token& stop)
{
    const char first = folder_names[next_ / folder_names.size()];
    const char second = folder_names[next_ % folder_names.size()];
    const descriptor above = open_folder_in(sessions, {first});
    if (!above) {
        next_ += folder_names.size();
        return;
    }
    ++next_;
    const descriptor leaf = open_folder_in(above, {second});
    descriptor listed = leaf ? open_folder_in(leaf, ".") : descriptor();
    const std::unique_ptr<DIR, int (*)(DIR*)> list(listed ? ::fdopendir(listed.get()) : nullptr, &::closedir);
    if (!list)
        return;
    listed.release();
    ++seen_;
    const time_point now = system_now();
    for (const dirent* entry = ::readdir(list.get()); entry != nullptr && !stop.stop_requested();
         entry = ::readdir(list.get()))
        if (is_handle(entry->d_name))
            look_at(leaf, handle(entry->d_name), now);
}

// What cannot be read stays: a later release may have written it, or an operator may want to look at it.
void sweeper::look_at(const descriptor& leaf, const handle& name, time_point now)
{
    ++seen_;
    const auto beginning = read_in(leaf, std::string(name.str()), longest_head);
    if (!beginning || !*beginning)
        return;
    const auto keep_until = keep_until_in(**beginning);
    if (!keep_until || *keep_until > now)
        return;
    const auto removed = files_.forget(name, now);
    removed_ += removed && *removed ? 1 : 0;
}

} // namespace coatcheck::filesystem
