#pragma once
// One HTTP/1.1 connection (RFC 9112), plain or TLS, over TCP or a Unix socket.

#include "server/connections.hpp"
#include "server/service.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>

#include <memory>

namespace coatcheck {

using stream_socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, executor>;

// Serves the connection until it ends, on the thread of `socket`'s context. `tls` is null for a plain one. `s` and
// `others` must outlive it.
void start_connection(stream_socket socket, std::shared_ptr<boost::asio::ssl::context> tls, listener_traits where,
                      service& s, connections& others);

} // namespace coatcheck
