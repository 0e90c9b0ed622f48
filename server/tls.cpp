#include "server/tls.hpp"

#include "server/log.hpp"

#include <sys/stat.h>

#include <stdexcept>

namespace coatcheck {

namespace ssl = boost::asio::ssl;

namespace {

void require(const boost::system::error_code& ec, const std::string& what, const std::string& file)
{
    if (ec)
        throw std::runtime_error("tls." + what + ": " + file + ": " + ec.message());
}

int choose_http_1_1(SSL*, const unsigned char** out, unsigned char* length, const unsigned char* in, unsigned in_length,
                    void*)
{
    static constexpr unsigned char ours[] = "\x08http/1.1";
    return SSL_select_next_proto(const_cast<unsigned char**>(out), length, ours, sizeof ours - 1, in, in_length) ==
                   OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::shared_ptr<ssl::context> load(const tls_config& files)
{
    struct stat key{};
    if (::stat(files.key_file.c_str(), &key) == 0 && (key.st_mode & S_IROTH) != 0)
        log::warn("the private key is readable by everybody", {{"file", files.key_file}});

    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    SSL_CTX_set_alpn_select_cb(context->native_handle(), &choose_http_1_1, nullptr);
    // A session resumed by ticket skips the check of the client's certificate, so tickets carry this server's mark.
    static constexpr unsigned char mark[] = "coatcheckd";
    SSL_CTX_set_session_id_context(context->native_handle(), mark, sizeof mark - 1);
    boost::system::error_code ec;
    context->use_certificate_chain_file(files.certificate_file, ec);
    require(ec, "certificate_file", files.certificate_file);
    context->use_private_key_file(files.key_file, ssl::context::pem, ec);
    require(ec, "key_file", files.key_file);
    if (SSL_CTX_check_private_key(context->native_handle()) != 1)
        throw std::runtime_error("tls.key_file: " + files.key_file + " is not the key of " + files.certificate_file);
    if (!files.client_ca_file.empty()) {
        context->load_verify_file(files.client_ca_file, ec);
        require(ec, "client_ca_file", files.client_ca_file);
        context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
    }
    return context;
}

} // namespace

tls_server::tls_server(tls_config files) : files_(std::move(files)), current_(load(files_)) {}

std::shared_ptr<ssl::context> tls_server::current() const
{
    const std::lock_guard lock(mutex_);
    return current_;
}

void tls_server::reload()
{
    auto fresh = load(files_);
    const std::lock_guard lock(mutex_);
    current_ = std::move(fresh);
}

} // namespace coatcheck
