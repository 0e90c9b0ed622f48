#include "proto/aes_256_gcm.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>

namespace coatcheck::aes_256_gcm {

namespace {

[[noreturn]] void fail()
{
    throw std::runtime_error("AES-256-GCM failed");
}

const unsigned char* bytes(std::string_view text) noexcept
{
    return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes(char* text) noexcept
{
    return reinterpret_cast<unsigned char*>(text);
}

// An algorithm fetched and a context made anew for each payload would cost more than the encryption.
struct kept {
    std::unique_ptr<EVP_CIPHER, decltype(&EVP_CIPHER_free)> cipher{EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr),
                                                                   &EVP_CIPHER_free};
    std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context{EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free};
};

EVP_CIPHER_CTX* start(const sha256_digest& key, std::string_view nonce, std::string_view bound_to, bool encrypts)
{
    thread_local const kept own;
    int length = 0;
    if (EVP_CipherInit_ex2(own.context.get(), own.cipher.get(), key.data(), bytes(nonce), encrypts ? 1 : 0, nullptr) !=
            1 ||
        EVP_CipherUpdate(own.context.get(), nullptr, &length, bytes(bound_to), static_cast<int>(bound_to.size())) != 1)
        fail();
    return own.context.get();
}

} // namespace

void encrypt(const sha256_digest& key, std::string_view nonce, std::string_view bound_to, std::string_view plain,
             char* out)
{
    EVP_CIPHER_CTX* const context = start(key, nonce, bound_to, true);
    int length = 0;
    int last = 0;
    if (EVP_EncryptUpdate(context, bytes(out), &length, bytes(plain), static_cast<int>(plain.size())) != 1 ||
        EVP_EncryptFinal_ex(context, bytes(out) + length, &last) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tag_size, out + plain.size()) != 1)
        fail();
}

std::optional<std::string> decrypt(const sha256_digest& key, std::string_view nonce, std::string_view bound_to,
                                   std::string_view sealed)
{
    EVP_CIPHER_CTX* const context = start(key, nonce, bound_to, false);
    const auto ciphertext = sealed.substr(0, sealed.size() - tag_size);
    std::string plain(ciphertext.size(), '\0');
    std::array<char, tag_size> tag;
    std::ranges::copy(sealed.substr(ciphertext.size()), tag.begin());
    unsigned char* const to = bytes(plain.data());
    int length = 0;
    int last = 0;
    if (EVP_DecryptUpdate(context, to, &length, bytes(ciphertext), static_cast<int>(ciphertext.size())) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data()) != 1)
        fail();
    if (EVP_DecryptFinal_ex(context, to + length, &last) != 1) {
        ERR_clear_error(); // what is left in the queue would be taken for a failure of the thread's next TLS call
        OPENSSL_cleanse(plain.data(), plain.size());
        return std::nullopt;
    }
    return plain;
}

} // namespace coatcheck::aes_256_gcm
