#include "server/text_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace coatcheck {

std::string read_text_file(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    std::string text;
    for (std::array<char, 4096> piece; in && (in.read(piece.data(), piece.size()), in.gcount() > 0);)
        text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
    if (!in.is_open() || in.bad())
        throw std::runtime_error(path + " cannot be read: " + std::strerror(errno));
    return text;
}

std::string read_secret_file(const std::string& path)
{
    std::string text = read_text_file(path);
    if (text.ends_with('\n'))
        text.pop_back();
    if (text.ends_with('\r'))
        text.pop_back();
    return text;
}

} // namespace coatcheck
