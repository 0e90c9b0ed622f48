#pragma once
// What a client needs to speak TLS to a store.

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

namespace coatcheck {

// PEM files; an empty name is none. Without `ca` the system's own authorities are trusted.
struct tls_files {
    std::string ca;
    std::string certificate; // the client's own, with its chain
    std::string key;         // of that certificate
};

// TLS 1.2 or later; the server's certificate is verified, and connect() adds the check of its name. Throws
// std::invalid_argument that names the file which cannot be used.
std::shared_ptr<boost::asio::ssl::context> make_tls_client(const tls_files& files);

} // namespace coatcheck
