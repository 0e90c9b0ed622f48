#include "backends/filesystem/sample.hpp"

#include "backends/filesystem/folders.hpp"
#include "backends/filesystem/session_file.hpp"

#include <stdexcept>

namespace coatcheck::filesystem {

void check_sample(const std::filesystem::path& root)
{
    namespace fs = std::filesystem;
    constexpr int sample = 200;

    std::error_code none;
    int seen = 0;
    for (fs::recursive_directory_iterator at(root / "sessions", none), end; !none && at != end && seen < sample;
         at.increment(none)) {
        const std::string name = at->path().filename().string();
        if (!is_handle(name))
            continue;
        ++seen;
        const descriptor leaf = open_folder_in(descriptor(), at->path().parent_path().string());
        const auto bytes = leaf ? read_in(leaf, name, longest_file) : std::nullopt;
        const bool gone_meanwhile = bytes && !*bytes;
        if (gone_meanwhile)
            continue;
        const auto found = bytes ? decode_file(**bytes) : bytes.error();
        if (!found && found.error().code != errc::newer_format)
            throw std::runtime_error(at->path().string() + ": " + found.error().detail);
    }
}

} // namespace coatcheck::filesystem
