#pragma once
// What a thread does with the sessions' files. Each thread has one of its own.

#include "backends/backend.hpp"
#include "backends/filesystem/folders.hpp"

#include <filesystem>
#include <functional>
#include <optional>

namespace coatcheck::filesystem {

// The answer of a write: nullopt, with nothing done, if another process has the session's lock.
template <class T>
using unless_locked = std::optional<T>;

class session_files {
public:
    // `known` is the process's, and must outlive this.
    session_files(std::filesystem::path root, synced_folders& known) : root_(std::move(root)), known_(known) {}

    result<std::optional<record>> load(const handle& name);

    // These mean what backend.hpp says. errc::timed_out: the write is there, but may not survive a power cut.
    result<unless_locked<write>> put(const handle& name, const head_changes& changes, std::string_view payload,
                                     const precondition& when, time_point now);
    result<unless_locked<bool>> swap(const handle& name, const std::optional<head>& seen, const head& next,
                                     std::optional<std::string_view> payload, time_point now);
    result<unless_locked<std::optional<head>>> end(const handle& name, time_point now, time_point keep_until);
    result<unless_locked<std::optional<head>>> extend(const handle& name, time_point now,
                                                      std::chrono::milliseconds keep_after_end);

    // Whether the store can be written, as far as that can be told without writing.
    result<void> probe();

    // Removes the session's file if its record is past its keep_until; whether it did.
    result<bool> forget(const handle& name, time_point now);

private:
    result<void> open();

    // Runs `work` on the open folders. What fails closes them, so that the next call opens what is there then.
    template <class T>
    result<T> with_folders(const std::function<result<T>(const folders&)>& work);

    // The same while it holds the session's lock.
    template <class T>
    result<unless_locked<T>> with_lock(const handle& name, const std::function<result<T>(const folders&)>& work);

    result<void> replace_on_any_disk(const folders& in, const handle& name, std::string_view bytes);
    result<void> replace(const folders& in, const handle& name, std::string_view bytes);
    static result<void> overwrite(const folders& in, const handle& name, std::string_view bytes);

    std::filesystem::path root_;
    synced_folders& known_;
    std::optional<folders> open_;
};

} // namespace coatcheck::filesystem
