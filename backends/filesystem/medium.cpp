#include "backends/filesystem/medium.hpp"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace coatcheck::filesystem {

namespace {

struct network {
    std::uint32_t magic;
    std::string_view name;
};

// Not all of them are in the C library's headers.
constexpr network networks[] = {
    {0x6969, "NFS"},      {0x517b, "SMB"},      {0xff534d42, "CIFS"}, {0xfe534d42, "SMB"},
    {0x00c36400, "Ceph"}, {0x65735546, "FUSE"}, {0x01021997, "9p"},   {0x5346414f, "AFS"},
};

constexpr std::uint32_t ramfs = 0x858458f6;
constexpr std::uint32_t overlay = 0x794c7630;

} // namespace

medium medium_of(std::uint32_t magic)
{
    if (magic == TMPFS_MAGIC || magic == ramfs)
        return {.durable = false,
                .says = {"written to the machine's memory: the folder is on tmpfs",
                         "the sessions are gone when the machine restarts; name a folder on a disk"}};
    if (magic == overlay)
        return {.says = {"synced to the disk, file and folder",
                         "the folder is on an overlay, as a container's own layer is, which goes with the container; "
                         "mount a volume there"}};
    const auto* const found = std::ranges::find(networks, magic, &network::magic);
    if (found == std::end(networks))
        return {.says = {"synced to the disk, file and folder", {}}};
    return {.conditional_writes = kept_by::daemon,
            .durable = false,
            .says = {"synced by " + std::string(found->name) + ", file and folder",
                     "what " + std::string(found->name) +
                         " makes of locks and syncs is its server's setting, and other machines may see old files; use "
                         "a folder on a disk and one machine, or a database"}};
}

medium medium_of(const std::filesystem::path& folder)
{
    struct statfs s{};
    if (::statfs(folder.c_str(), &s) != 0)
        throw std::runtime_error("file: cannot tell the file system of " + folder.string() + ": " +
                                 std::generic_category().message(errno));
    return medium_of(static_cast<std::uint32_t>(s.f_type));
}

} // namespace coatcheck::filesystem
