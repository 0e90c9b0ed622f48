#include "backends/filesystem/config.hpp"

#include <stdexcept>

namespace coatcheck::filesystem {

config parse(const backend_url& url)
{
    if (!url.hosts.empty() || !url.user.empty() || !url.password.empty())
        throw std::invalid_argument("a file URL names a folder on this machine, with three slashes before the path: "
                                    "file:///var/lib/sessions");
    std::string path = url.path;
    while (path.ends_with('/'))
        path.pop_back();
    if (!path.starts_with('/'))
        throw std::invalid_argument("a file URL needs the absolute path of a folder: file:///var/lib/sessions");
    url_parameters(url).finish();
    return {path};
}

} // namespace coatcheck::filesystem
