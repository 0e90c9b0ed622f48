#pragma once
// A folder that goes with its test.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace coatcheck::testing {

class temporary_folder {
public:
    explicit temporary_folder(const std::filesystem::path& above = std::filesystem::temp_directory_path())
    {
        std::string pattern = (above / "coatcheck-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr)
            throw std::runtime_error("no temporary folder");
        path_ = pattern;
    }
    ~temporary_folder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;

    const std::filesystem::path& path() const noexcept { return path_; }

    // The path of `name` inside.
    std::string operator/(const std::string& name) const { return (path_ / name).string(); }

    // Writes a file, with the folders above it, and answers its path.
    std::string write(const std::string& name, std::string_view text) const
    {
        const std::filesystem::path file = path_ / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << text;
        return file.string();
    }

private:
    std::filesystem::path path_;
};

} // namespace coatcheck::testing
