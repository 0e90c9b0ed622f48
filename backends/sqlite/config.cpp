#include "backends/sqlite/config.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace coatcheck::sqlite {

namespace {

[[noreturn]] void fail(const std::string& what, const std::filesystem::path& at)
{
    throw std::runtime_error("sqlite: cannot " + what + " " + at.string() + ": " +
                             std::generic_category().message(errno));
}

// A new name in a folder survives a power cut only after this.
void sync_folder(const std::filesystem::path& folder)
{
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || ::fsync(fd) != 0)
        fail("sync the folder", folder);
    ::close(fd);
}

// With those above it: a user's first program that keeps state finds no ~/.local/state.
void make_folder(const std::filesystem::path& folder)
{
    if (std::filesystem::is_directory(folder))
        return;
    make_folder(folder.parent_path());
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        fail("make the folder", folder);
    sync_folder(folder.parent_path());
}

} // namespace

config parse(const backend_url& url)
{
    if (!url.hosts.empty() || !url.user.empty() || !url.password.empty())
        throw std::invalid_argument("a sqlite URL names a file on this machine, with three slashes before the path: "
                                    "sqlite:///var/lib/coatcheck/sessions.db");
    config c;
    c.file = url.path;
    if (!c.file.is_absolute() || !c.file.has_filename() || url.path.find('\0') != std::string::npos)
        throw std::invalid_argument("a sqlite URL needs the absolute path of a file: "
                                    "sqlite:///var/lib/coatcheck/sessions.db");
    url_parameters parameters(url);
    if (const auto synchronous = parameters.take("synchronous")) {
        if (*synchronous != "full" && *synchronous != "normal")
            throw std::invalid_argument("sqlite: synchronous is full or normal, not '" + *synchronous + "'");
        c.durable = *synchronous == "full";
    }
    parameters.finish();
    return c;
}

void make_file(const std::filesystem::path& file)
{
    const auto folder = file.parent_path();
    make_folder(folder);
    // The log is a file beside the file.
    if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
        fail("write in the folder", folder);
    // A file that exists is not opened here: closing it would drop the locks that SQLite holds on it in this process.
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        ::close(fd);
        sync_folder(folder);
    } else if (errno != EEXIST) {
        fail("make", file);
    } else if (::faccessat(AT_FDCWD, file.c_str(), W_OK, AT_EACCESS) != 0) {
        fail("write", file);
    }
    refuse_folder(file);
}

void refuse_folder(const std::filesystem::path& file)
{
    if (std::filesystem::is_directory(file))
        throw std::runtime_error("sqlite: " + file.string() + " is a folder; the URL names a file");
}

} // namespace coatcheck::sqlite
