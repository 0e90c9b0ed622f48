#include "proto/sha256.hpp"

#include <openssl/evp.h>

#include <memory>
#include <stdexcept>

namespace coatcheck {

sha256_digest sha256(std::string_view text)
{
    // A context and an algorithm fetched anew for each text would cost four times the hash.
    struct context {
        std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> ctx{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
        std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> md{EVP_MD_fetch(nullptr, "SHA256", nullptr), &EVP_MD_free};
    };
    thread_local const context c;
    sha256_digest out;
    if (EVP_DigestInit_ex2(c.ctx.get(), c.md.get(), nullptr) != 1 ||
        EVP_DigestUpdate(c.ctx.get(), text.data(), text.size()) != 1 ||
        EVP_DigestFinal_ex(c.ctx.get(), out.data(), nullptr) != 1)
        throw std::runtime_error("SHA-256 failed");
    return out;
}

} // namespace coatcheck
