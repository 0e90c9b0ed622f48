#include "server/handle_key.hpp"

#include <fstream>
#include <iterator>

namespace coatcheck {

handle_maker configured_handles(const config& c)
{
    const std::string& path = c.handle_key_file;
    if (path.empty())
        return handle_maker();
    std::ifstream file(path, std::ios::binary);
    std::string key{std::istreambuf_iterator<char>(file), {}};
    while (!key.empty() && (key.back() == '\n' || key.back() == '\r'))
        key.pop_back();
    if (!file || key.size() < 16)
        throw config_error("handle_key_file: " + path + " must be readable and hold a key of at least 16 bytes");
    return handle_maker(std::move(key));
}

} // namespace coatcheck
