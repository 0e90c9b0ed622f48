#include "backends/filesystem/session_files.hpp"

#include "backends/filesystem/locks.hpp"
#include "backends/filesystem/session_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace coatcheck::filesystem {

namespace {

// The smallest unit that a disk writes whole.
constexpr std::size_t sector = 512;

result<std::optional<record>> read_record(const descriptor& leaf, const handle& name)
{
    const auto bytes = read_in(leaf, std::string(name.str()), longest_file);
    if (!bytes)
        return bytes.error();
    if (!*bytes)
        return std::nullopt;
    auto found = decode_file(**bytes);
    if (!found)
        return found.error();
    return std::optional(*std::move(found));
}

result<std::optional<record>> find(const folders& in, const handle& name)
{
    const auto leaf = find_leaf(in.sessions, name);
    if (!leaf)
        return leaf.error();
    if (!*leaf)
        return std::nullopt;
    // Who reads while overwrite() writes may see half of it; the next look sees all.
    constexpr int looks = 3;
    auto found = read_record(*leaf, name);
    for (int i = 1; i < looks && !found && found.error().code == errc::corrupt; ++i)
        found = read_record(*leaf, name);
    return found;
}

// The head that a write has to respect.
const head* remembered(const std::optional<record>& stored, time_point now) noexcept
{
    return stored && stored->about.keep_until > now ? &stored->about : nullptr;
}

} // namespace

template <class T>
result<T> session_files::with_folders(const std::function<result<T>(const folders&)>& work)
{
    if (const auto opened = open(); !opened)
        return opened.error();
    auto answer = work(*open_);
    if (!answer && answer.error().code == errc::unavailable)
        open_.reset();
    return answer;
}

result<void> session_files::open()
{
    if (!open_ || open_->stale()) {
        open_.reset();
        auto opened = folders::open(root_);
        if (!opened)
            return opened.error();
        open_.emplace(*std::move(opened));
    }
    return {};
}

result<std::optional<record>> session_files::load(const handle& name)
{
    return with_folders<std::optional<record>>([&](const folders& in) { return find(in, name); });
}

template <class T>
result<unless_locked<T>> session_files::with_lock(const handle& name,
                                                  const std::function<result<T>(const folders&)>& work)
{
    return with_folders<unless_locked<T>>([&](const folders& in) -> result<unless_locked<T>> {
        const auto lock = try_lock(in.root, place_of(name));
        if (!lock)
            return lock.error();
        if (!*lock)
            return unless_locked<T>();
        auto answer = work(in);
        if (!answer)
            return answer.error();
        return unless_locked<T>(std::in_place, *std::move(answer));
    });
}

result<unless_locked<write>> session_files::put(const handle& name, const head_changes& changes,
                                                std::string_view payload, const precondition& when, time_point now)
{
    return with_lock<write>(name, [&](const folders& in) -> result<write> {
        const auto found = find(in, name);
        if (!found)
            return found.error();
        const head* stored = remembered(*found, now);
        if (const auto why = refusal(stored, when, changes, now))
            return write{write::outcome::refused, *why, stored != nullptr ? *stored : head{}};
        head next = apply(stored, changes, now);
        if (const auto done = replace(in, name, encode_file(next, payload)); !done)
            return done.error();
        return write{stored != nullptr ? write::outcome::replaced : write::outcome::created, {}, std::move(next)};
    });
}

result<unless_locked<bool>> session_files::swap(const handle& name, const std::optional<head>& seen, const head& next,
                                                std::optional<std::string_view> payload, time_point now)
{
    return with_lock<bool>(name, [&](const folders& in) -> result<bool> {
        const auto found = find(in, name);
        if (!found && is_unreadable(found.error().code))
            return false;
        if (!found)
            return found.error();
        const head* stored = remembered(*found, now);
        if ((stored != nullptr) != seen.has_value() || (seen && !is_unchanged(*seen, *stored)))
            return false;
        const std::string bytes = encode_file(next, payload ? *payload : stored ? (*found)->payload : "");
        const bool needs_no_room = !payload || next.what == kind::ended;
        const auto done = needs_no_room ? replace_on_any_disk(in, name, bytes) : replace(in, name, bytes);
        if (!done)
            return done.error();
        return true;
    });
}

result<unless_locked<std::optional<head>>> session_files::end(const handle& name, time_point now, time_point keep_until)
{
    return with_lock<std::optional<head>>(name, [&](const folders& in) -> result<std::optional<head>> {
        const auto found = find(in, name);
        const bool unreadable = !found && is_unreadable(found.error().code);
        if (!found && !unreadable)
            return found.error();
        // A logout sticks whatever there was, and every release reads a tombstone.
        const head* before = unreadable ? nullptr : remembered(*found, now);
        if (before == nullptr || before->what != kind::alias) {
            const std::string bytes = encode_file(tombstone(before, now, keep_until), {});
            if (const auto done = replace_on_any_disk(in, name, bytes); !done)
                return done.error();
        }
        return before != nullptr ? std::optional(*before) : std::nullopt;
    });
}

result<unless_locked<std::optional<head>>> session_files::extend(const handle& name, time_point now,
                                                                 std::chrono::milliseconds keep_after_end)
{
    return with_lock<std::optional<head>>(name, [&](const folders& in) -> result<std::optional<head>> {
        const auto found = find(in, name);
        if (!found)
            return found.error();
        const head* stored = remembered(*found, now);
        if (stored == nullptr)
            return std::nullopt;
        if (!is_live(*stored, now) || !needs_extension(*stored, now))
            return std::optional(*stored);
        head next = extended(*stored, keep_after_end, now);
        if (const auto done = replace_on_any_disk(in, name, encode_file(next, (*found)->payload)); !done)
            return done.error();
        return std::optional(std::move(next));
    });
}

// For what must not need room.
result<void> session_files::replace_on_any_disk(const folders& in, const handle& name, std::string_view bytes)
{
    auto done = replace(in, name, bytes);
    if (!done && done.error().code == errc::full)
        return overwrite(in, name, bytes);
    return done;
}

// Readers see the old file or the new one, and so does who comes after a crash: the new one is on the disk before it
// has the name, and the name before this returns.
result<void> session_files::replace(const folders& in, const handle& name, std::string_view bytes)
{
    const auto leaf = make_leaf(in.sessions, name, known_);
    if (!leaf)
        return leaf.error();
    temporary_file next(in.temporary);
    if (!next.file())
        return failed("making a temporary file", errno);
    if (!write_all(next.file(), bytes) || !sync(next.file()))
        return failed("writing a temporary file", errno);
    if (!next.rename_to(*leaf, std::string(name.str())))
        return failed("putting the file in its place", errno);
    if (!sync(*leaf))
        return failure{errc::timed_out, failed("syncing the folder", errno).detail};
    return {};
}

// For a disk without room for another file: changes the beginning of what is there, within one sector, for
// which no room is needed.
result<void> session_files::overwrite(const folders& in, const handle& name, std::string_view bytes)
{
    const failure no_room{errc::full, "file: no room for another file"};
    const std::string file_name(name.str());
    const auto leaf = find_leaf(in.sessions, name);
    if (!leaf)
        return leaf.error();
    const auto before = *leaf ? read_in(*leaf, file_name, longest_file) : std::nullopt;
    if (!before || !*before)
        return no_room;
    const descriptor file = open_in(*leaf, file_name, O_WRONLY);
    struct stat s{};
    if (!file || ::fstat(file.get(), &s) != 0)
        return failed("opening " + file_name, errno);

    std::size_t changed = std::min(bytes.size(), (*before)->size());
    while (changed > 0 && bytes[changed - 1] == (**before)[changed - 1])
        --changed;
    // A file with two names is somebody's copy as well, which must stay as it is.
    if (bytes.size() > (*before)->size() || changed > sector || s.st_nlink != 1)
        return no_room;
    if (::pwrite(file.get(), bytes.data(), changed, 0) != static_cast<ssize_t>(changed))
        return failed("writing over " + file_name, errno);
    if (!sync(file))
        return failure{errc::timed_out, failed("syncing " + file_name, errno).detail};
    // Gives room. If it cannot be done, what is behind the record is ignored.
    static_cast<void>(::ftruncate(file.get(), static_cast<off_t>(bytes.size())) == 0);
    return {};
}

result<void> session_files::probe()
{
    return with_folders<void>([](const folders& in) -> result<void> {
        if (::faccessat(in.temporary.get(), ".", W_OK | X_OK, AT_EACCESS) != 0)
            return failed("writing in tmp", errno);
        if (!sync(in.temporary)) // a disk that hangs, hangs here
            return failed("syncing tmp", errno);
        return {};
    });
}

result<bool> session_files::forget(const handle& name, time_point now)
{
    const auto answer = with_lock<bool>(name, [&](const folders& in) -> result<bool> {
        const auto found = find(in, name);
        if (!found)
            return found.error();
        if (!*found || (*found)->about.keep_until > now)
            return false;
        const auto leaf = find_leaf(in.sessions, name);
        return leaf && *leaf && ::unlinkat(leaf->get(), std::string(name.str()).c_str(), 0) == 0;
    });
    if (!answer)
        return answer.error();
    return answer->value_or(false);
}

} // namespace coatcheck::filesystem
