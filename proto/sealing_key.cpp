#include "proto/sealing_key.hpp"

#include "proto/base64.hpp"
#include "proto/base64url.hpp"
#include "proto/random.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <stdexcept>

namespace coatcheck {

namespace {

// proto/README.md, "Encryption".
constexpr std::string_view salt = "coatcheck encryption at rest";
constexpr std::string_view id_label = "key id";
constexpr std::string_view session_label = "session ";

constexpr std::size_t key_size = 32;

} // namespace

sealing_key::sealing_key(std::string_view text)
{
    std::string padded = std::string(text) + "=";
    std::ranges::replace(padded, '-', '+');
    std::ranges::replace(padded, '_', '/');
    std::array<unsigned char, key_size + 1> bytes;
    const bool decoded = text.size() == base64url_length(key_size) && std::ranges::all_of(text, is_base64url) &&
                         base64_decode(padded, reinterpret_cast<char*>(bytes.data())) == key_size;
    // The last character has two bits of no meaning: one key is spelt in one way.
    const bool is_key = decoded && base64url(std::span(bytes).first(key_size)) == text;
    if (is_key) {
        extracted_ = hkdf_extract(salt, {reinterpret_cast<const char*>(bytes.data()), key_size});
        const sha256_digest id = hkdf_expand(extracted_, id_label);
        std::copy_n(id.begin(), id_.size(), id_.begin());
    }
    OPENSSL_cleanse(bytes.data(), bytes.size());
    OPENSSL_cleanse(padded.data(), padded.size());
    if (!is_key)
        throw std::invalid_argument("a key is one line of 43 characters of base64url, as coatcheckd --new-key prints "
                                    "it, and this has " +
                                    std::to_string(text.size()) + " characters");
}

sealing_key::~sealing_key()
{
    OPENSSL_cleanse(extracted_.data(), extracted_.size());
}

sha256_digest sealing_key::key_of(const handle& name) const
{
    std::array<char, session_label.size() + handle::length> info;
    std::ranges::copy(name.str(), std::ranges::copy(session_label, info.begin()).out);
    return hkdf_expand(extracted_, {info.data(), info.size()});
}

std::string name_of(const sealing_key::id_bytes& id)
{
    std::string name;
    for (std::size_t i = 0; i < 4; ++i) {
        name += "0123456789abcdef"[id[i] >> 4U];
        name += "0123456789abcdef"[id[i] & 15U];
    }
    return name;
}

std::string make_sealing_key()
{
    std::array<unsigned char, key_size> bytes;
    random_bytes(bytes);
    std::string text = base64url(bytes);
    OPENSSL_cleanse(bytes.data(), bytes.size());
    return text;
}

} // namespace coatcheck
