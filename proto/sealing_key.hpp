#pragma once
// Master keys of encryption at rest. None of them encrypts a record itself: each session has a key of its own, so that
// random nonces never come near their limit of 2^32 messages a key (NIST SP 800-38D §8.3).

#include "proto/session_id.hpp"
#include "proto/sha256.hpp"

#include <array>
#include <string>
#include <string_view>

namespace coatcheck {

class sealing_key {
public:
    using id_bytes = std::array<unsigned char, 8>;

    // `text` is what make_sealing_key() gave. Throws std::invalid_argument with a sentence for the operator that quotes
    // nothing of it.
    explicit sealing_key(std::string_view text);
    ~sealing_key();
    sealing_key(const sealing_key&) = default;
    sealing_key& operator=(const sealing_key&) = default;

    // Stands in front of what was sealed, and tells nothing of the key.
    const id_bytes& id() const noexcept { return id_; }

    // The session's own key, which the caller wipes (OPENSSL_cleanse).
    sha256_digest key_of(const handle& name) const;

private:
    sha256_digest extracted_;
    id_bytes id_;
};

// The first four bytes in hexadecimal: how logs and metrics call a key.
std::string name_of(const sealing_key::id_bytes& id);

// 256 bits from the system's CSPRNG in base64url. Throws std::runtime_error if the CSPRNG fails.
std::string make_sealing_key();

} // namespace coatcheck
