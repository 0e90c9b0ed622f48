#include "backends/mongodb/pem_pair.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace coatcheck::mongodb {

namespace {

std::string contents(const std::string& file)
{
    std::ifstream in(file, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in)
        throw std::invalid_argument("'" + file + "' cannot be read");
    return text;
}

} // namespace

pem_pair::pem_pair(const std::string& certificate, const std::string& key)
{
    const std::string both = contents(certificate) + "\n" + contents(key);
    file_ = memfd_create("coatcheck", MFD_CLOEXEC);
    if (file_ < 0 || ::write(file_, both.data(), both.size()) != static_cast<ssize_t>(both.size()))
        throw std::runtime_error("mongodb: no memory file for the certificate and its key");
}

pem_pair::~pem_pair()
{
    close(file_);
}

std::string pem_pair::path() const
{
    return "/proc/self/fd/" + std::to_string(file_);
}

} // namespace coatcheck::mongodb
