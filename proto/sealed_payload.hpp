#pragma once
// Payloads at rest that only who has the key can read, or make: AES-256-GCM under a key of the session's own, bound to
// the session and to what its head says of the data (proto/README.md, "Encryption").

#include "proto/error.hpp"
#include "proto/record.hpp"
#include "proto/sealing_key.hpp"
#include "proto/session_id.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace coatcheck {

// Bytes that a sealed payload has more than the plain one.
constexpr std::size_t sealing_overhead = 38;

// True if a seal is bound to the same of both heads, so that a payload that was sealed under one opens under the other.
bool seals_alike(const head& a, const head& b) noexcept;

// The mark of a record whose payload is sealed: a lock at rest that no lease ends. So a backend's put(), which does not
// look at the payload, never replaces one; who has the keys takes the mark off first, and writes by swap().
bool is_marked_sealed(const head& stored) noexcept;
head marked_sealed(head h) noexcept;
head without_seal_mark(head h) noexcept;

// True for a record, as it is at rest, whose payload is sealed: it has the mark, or is live with what MessagePack
// cannot be. So an operator who frees a lock at rest, and takes the mark off with it, ends no session.
bool is_sealed(const record& stored) noexcept;

// Seals under the first of its keys and opens under all. Safe from any thread. Throws std::runtime_error if OpenSSL or
// the CSPRNG fails.
class sealer {
public:
    // `realm`, at most 65535 bytes, is bound into every seal: what was sealed in one realm does not open in another.
    sealer(std::vector<sealing_key> keys, std::string realm);

    const std::vector<sealing_key>& keys() const noexcept { return keys_; }

    // The payload of the session `name`, whose head is going to be `about`.
    std::string seal(const handle& name, const head& about, std::string_view payload) const;

    struct opened {
        std::string payload;
        std::size_t key; // its place among keys()
    };

    // Fails with errc::unknown_key, with errc::newer_format for what a later release sealed, and with errc::corrupt for
    // what was changed, is not this session's or does not belong to this head.
    result<opened> open(const handle& name, const head& about, std::string_view sealed) const;

private:
    std::vector<sealing_key> keys_;
    std::string realm_;
};

} // namespace coatcheck
