#pragma once
// The folders of a store:
//
//   format             "coatcheck sessions, format 1": what makes the folder a store
//   locks              an empty file, for locks
//   tmp/               files that are being written
//   sessions/m/u/mudWRcuHnJ4kIzaQ_h0n4X_7vADFVywTOK99yweaU4s   one file a session, below two characters of its handle

#include "backends/filesystem/descriptor.hpp"
#include "proto/session_id.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <string_view>

namespace coatcheck::filesystem {

// The characters of a handle, each of which names a folder.
constexpr std::string_view folder_names = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Makes a store of `root` (mode 0700, with the folders above it) unless it is one. Throws std::runtime_error with a
// sentence for the operator, also if it cannot be written, is everybody's to write, or holds something else.
void prepare(const std::filesystem::path& root);

// Throws as prepare does, and makes nothing.
void examine(const std::filesystem::path& root);

// The folders, opened. What has been removed of them, apart from `format`, is made anew.
struct folders {
    descriptor root;
    descriptor sessions;
    descriptor temporary;

    // Fails with errc::unavailable if `root` is no store, as after its disk has been unmounted.
    static result<folders> open(const std::filesystem::path& root);

    // True if one of them has been removed since.
    bool stale() const noexcept;
};

// Which folders below sessions/ this process knows to be on the disk: their names survive a power cut.
class synced_folders {
public:
    std::atomic<bool>& first(const handle& name) noexcept { return first_[digit(name.str()[0])]; }
    std::atomic<bool>& second(const handle& name) noexcept
    {
        return second_[digit(name.str()[0]) * folder_names.size() + digit(name.str()[1])];
    }

private:
    static std::size_t digit(char c) noexcept { return folder_names.find(c); }

    std::array<std::atomic<bool>, folder_names.size()> first_{};
    std::array<std::atomic<bool>, folder_names.size() * folder_names.size()> second_{};
};

// The folder of a session's file; empty if there is none.
result<descriptor> find_leaf(const descriptor& sessions, const handle& name);

// The same, made if there is none, and on the disk in any case.
result<descriptor> make_leaf(const descriptor& sessions, const handle& name, synced_folders& known);

// A new file in `temporary`, which is removed unless it gets another name.
class temporary_file {
public:
    // Empty on failure; errno says why. `temporary` must outlive it.
    explicit temporary_file(const descriptor& temporary);
    ~temporary_file();
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;

    const descriptor& file() const noexcept { return file_; }

    // Replaces what has that name. False on failure; errno says why.
    bool rename_to(const descriptor& folder, const std::string& name) noexcept;

private:
    const descriptor& folder_;
    std::string name_;
    descriptor file_;
};

// Removes the temporary files that nobody has written to for that long.
void remove_leftovers(const descriptor& temporary, std::chrono::seconds age);

} // namespace coatcheck::filesystem
