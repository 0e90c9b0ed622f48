#include "proto/sha256.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <cassert>
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

namespace {

std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> new_hmac_context()
{
    const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> hmac{EVP_MAC_fetch(nullptr, "HMAC", nullptr),
                                                                 &EVP_MAC_free};
    EVP_MAC_CTX* const made = EVP_MAC_CTX_new(hmac.get());
    char digest[] = "SHA256";
    const OSSL_PARAM with[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_end()};
    if (made == nullptr || EVP_MAC_CTX_set_params(made, with) != 1)
        throw std::runtime_error("OpenSSL has no HMAC-SHA-256");
    return {made, &EVP_MAC_CTX_free};
}

const unsigned char* bytes(std::string_view text) noexcept
{
    return reinterpret_cast<const unsigned char*>(text.data());
}

} // namespace

sha256_digest hmac_sha256(std::string_view key, std::string_view text)
{
    thread_local const auto context = new_hmac_context();
    sha256_digest out;
    std::size_t length = 0;
    if (EVP_MAC_init(context.get(), bytes(key), key.size(), nullptr) != 1 ||
        EVP_MAC_update(context.get(), bytes(text), text.size()) != 1 ||
        EVP_MAC_final(context.get(), out.data(), &length, out.size()) != 1)
        throw std::runtime_error("HMAC-SHA-256 failed");
    return out;
}

sha256_digest hkdf_extract(std::string_view salt, std::string_view key_material)
{
    return hmac_sha256(salt, key_material);
}

sha256_digest hkdf_expand(const sha256_digest& extracted, std::string_view info)
{
    std::array<char, 256> block;
    assert(info.size() < block.size());
    *std::ranges::copy(info, block.begin()).out = 1;
    return hmac_sha256({reinterpret_cast<const char*>(extracted.data()), extracted.size()},
                       {block.data(), info.size() + 1});
}

} // namespace coatcheck
