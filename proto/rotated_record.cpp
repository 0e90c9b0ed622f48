#include "proto/rotated_record.hpp"

#include "proto/random.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <array>
#include <cstddef>
#include <memory>
#include <stdexcept>

namespace coatcheck {

namespace {

constexpr std::size_t nonce_size = 12; // bytes, as of all of AES-GCM (NIST SP 800-38D)
constexpr std::size_t tag_size = 16;
constexpr std::string_view purpose = "coatcheck alias 1";

using key_bytes = std::array<unsigned char, 32>;

[[noreturn]] void fail()
{
    throw std::runtime_error("OpenSSL could not seal or open an alias");
}

unsigned char* bytes(std::string& s)
{
    return reinterpret_cast<unsigned char*>(s.data());
}

const unsigned char* bytes(std::string_view s)
{
    return reinterpret_cast<const unsigned char*>(s.data());
}

// HKDF-SHA-256 (RFC 5869) of the old id.
key_bytes key_of(std::string_view old_id)
{
    const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr), &EVP_KDF_free);
    const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(EVP_KDF_CTX_new(kdf.get()),
                                                                            &EVP_KDF_CTX_free);
    std::string digest = "SHA256";
    std::string secret(old_id);
    std::string info(purpose);
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret.data(), secret.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
        OSSL_PARAM_construct_end(),
    };
    key_bytes key;
    if (!context || EVP_KDF_derive(context.get(), key.data(), key.size(), parameters) != 1)
        fail();
    return key;
}

using cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

cipher make_cipher()
{
    cipher c(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
    if (!c)
        fail();
    return c;
}

} // namespace

std::string make_alias(const handle& target, std::string_view old_id, std::string_view new_id)
{
    const key_bytes key = key_of(old_id);
    std::array<unsigned char, nonce_size> nonce;
    random_bytes(nonce);
    std::string sealed(new_id.size(), '\0');
    std::array<char, tag_size> tag;
    const cipher c = make_cipher();
    int n = 0;
    if (EVP_EncryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, key.data(), nonce.data()) != 1 ||
        EVP_EncryptUpdate(c.get(), nullptr, &n, bytes(target.str()), static_cast<int>(handle::length)) != 1 ||
        EVP_EncryptUpdate(c.get(), bytes(sealed), &n, bytes(new_id), static_cast<int>(new_id.size())) != 1 ||
        EVP_EncryptFinal_ex(c.get(), bytes(sealed) + n, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_GET_TAG, tag_size, tag.data()) != 1)
        fail();
    std::string payload(target.str());
    payload.append(reinterpret_cast<const char*>(nonce.data()), nonce.size());
    return payload.append(sealed).append(tag.data(), tag.size());
}

std::optional<handle> alias_target(std::string_view payload)
{
    const auto name = payload.substr(0, handle::length);
    if (payload.size() < handle::length + nonce_size + tag_size || !is_handle(name))
        return std::nullopt;
    return handle(name);
}

result<std::string> open_alias(std::string_view payload, std::string_view old_id)
{
    const failure not_for_it{errc::corrupt, "an alias that was not made for this id"};
    if (!alias_target(payload))
        return not_for_it;
    const key_bytes key = key_of(old_id);
    const auto name = payload.substr(0, handle::length);
    const auto nonce = payload.substr(name.size(), nonce_size);
    const auto sealed = payload.substr(name.size() + nonce_size, payload.size() - name.size() - nonce_size - tag_size);
    std::string tag(payload.substr(payload.size() - tag_size));
    std::string id(sealed.size(), '\0');
    const cipher c = make_cipher();
    int n = 0;
    if (EVP_DecryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, key.data(), bytes(nonce)) != 1 ||
        EVP_DecryptUpdate(c.get(), nullptr, &n, bytes(name), static_cast<int>(name.size())) != 1 ||
        EVP_DecryptUpdate(c.get(), bytes(id), &n, bytes(sealed), static_cast<int>(sealed.size())) != 1 ||
        EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_SET_TAG, tag_size, tag.data()) != 1)
        fail();
    if (EVP_DecryptFinal_ex(c.get(), bytes(id) + n, &n) != 1)
        return not_for_it;
    return id;
}

std::string make_pending(const handle& source, std::string_view data)
{
    return std::string(source.str()).append(data);
}

std::optional<pending_payload> parse_pending(std::string_view payload)
{
    const auto name = payload.substr(0, handle::length);
    if (!is_handle(name))
        return std::nullopt;
    return pending_payload{handle(name), payload.substr(handle::length)};
}

} // namespace coatcheck
