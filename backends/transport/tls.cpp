#include "backends/transport/tls.hpp"

#include <stdexcept>

namespace coatcheck {

namespace ssl = boost::asio::ssl;

namespace {

void check(const boost::system::error_code& ec, const char* what, const std::string& file)
{
    if (ec)
        throw std::invalid_argument(std::string(what) + " '" + file + "' cannot be used: " + ec.message());
}

} // namespace

std::shared_ptr<ssl::context> make_tls_client(const tls_files& files)
{
    if (files.certificate.empty() != files.key.empty())
        throw std::invalid_argument("a client certificate and its key go together: give both or neither");

    auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    context->set_verify_mode(ssl::verify_peer);
    boost::system::error_code ec;
    if (files.ca.empty())
        context->set_default_verify_paths(ec);
    else
        context->load_verify_file(files.ca, ec);
    check(ec, "the CA file", files.ca);
    if (!files.certificate.empty()) {
        context->use_certificate_chain_file(files.certificate, ec);
        check(ec, "the certificate", files.certificate);
        context->use_private_key_file(files.key, ssl::context::pem, ec);
        check(ec, "the key", files.key);
    }
    return context;
}

} // namespace coatcheck
