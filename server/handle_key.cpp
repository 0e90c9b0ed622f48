#include "server/handle_key.hpp"

#include <fstream>
#include <iterator>

namespace coatcheck {

namespace {

handle_maker keyed(std::string_view setting, const std::string& path)
{
    if (path.empty())
        return handle_maker();
    std::ifstream file(path, std::ios::binary);
    std::string key{std::istreambuf_iterator<char>(file), {}};
    while (!key.empty() && (key.back() == '\n' || key.back() == '\r'))
        key.pop_back();
    if (!file || key.size() < 16)
        throw config_error(std::string(setting) + ": " + path +
                           " must be readable and hold a key of at least 16 bytes");
    return handle_maker(std::move(key));
}

} // namespace

handle_maker configured_handles(const config& c)
{
    return keyed("handle_key_file", c.handle_key_file);
}

handle_maker configured_subjects(const config& c)
{
    return keyed("hash_subjects.key_file", c.subject_key_file);
}

} // namespace coatcheck
