#pragma once
// Makes connections to stores.

#include "backends/transport/runtime.hpp"
#include "backends/transport/stream.hpp"
#include "proto/error.hpp"

#include <boost/asio/ssl/context.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace coatcheck {

struct address {
    std::string host = {}; // a name or an IP address; unused if there is a path
    std::uint16_t port = 0;
    std::string path = {}; // of a Unix socket
    std::string name = {}; // that its certificate has to be for; empty: the host
};

// Connects to the addresses that the name has, in their order, each with its share of the time until `by`; over TLS if
// there is a context, then SNI is sent and the certificate has to be for the name. TCP_NODELAY and keep-alive are on.
// Fails with errc::unavailable. The system's resolver cannot be interrupted, so an answer may come later than `by`.
// `to` and `tls` must outlive the co_await.
awaitable<result<std::shared_ptr<stream>>> connect(executor on, const address& to, boost::asio::ssl::context* tls,
                                                   deadline by);

} // namespace coatcheck
