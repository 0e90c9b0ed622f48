#pragma once
// Certificates for tests of TLS.

#include "tests/support/server_process.hpp"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace coatcheck::testing {

// Fills `folder` with ca.pem, an authority; other.pem, one that nobody has heard of; server.pem of the name "localhost"
// alone, and client.pem, both by the first and with a .key each; and both.pem, the server's certificate with its key.
// Servers that run as another user can read them.
inline void make_certificates(const std::filesystem::path& folder)
{
    if (!installed("openssl"))
        missing("openssl");
    const std::string script = "set -e; cd '" + folder.string() + R"('
        new() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "$@" 2>>log; }
        new -keyout ca.key -out ca.pem -subj /CN=authority
        new -keyout other.key -out other.pem -subj /CN=stranger
        new -keyout server.key -out server.pem -subj /CN=server -CA ca.pem -CAkey ca.key \
            -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:false
        new -keyout client.key -out client.pem -subj /CN=client -CA ca.pem -CAkey ca.key \
            -addext basicConstraints=critical,CA:false
        cat server.pem server.key >both.pem
        chmod o+x .; chmod a+r *)";
    if (std::system(script.c_str()) != 0)
        throw std::runtime_error("openssl cannot make certificates");
}

} // namespace coatcheck::testing
