#pragma once
// The certificates of the TCP listeners.

#include "server/config.hpp"

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <mutex>

namespace coatcheck {

class tls_server {
public:
    // Reads the files. Throws std::runtime_error that names the file that is wrong.
    explicit tls_server(tls_config files);

    // For new connections; those that are open keep theirs. Thread safe.
    std::shared_ptr<boost::asio::ssl::context> current() const;

    // Reads the files again. Throws as the constructor does and then keeps what it has.
    void reload();

private:
    tls_config files_;
    mutable std::mutex mutex_;
    std::shared_ptr<boost::asio::ssl::context> current_;
};

} // namespace coatcheck
