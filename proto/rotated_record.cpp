#include "proto/rotated_record.hpp"

#include "proto/aes_256_gcm.hpp"
#include "proto/random.hpp"
#include "proto/sha256.hpp"

#include <array>

namespace coatcheck {

namespace {

using aes_256_gcm::nonce_size;
using aes_256_gcm::tag_size;

// HKDF of the old id; no salt is as many zeros as a digest has bytes (RFC 5869 §2.2).
sha256_digest key_of(std::string_view old_id)
{
    constexpr std::array<char, sizeof(sha256_digest)> no_salt{};
    return hkdf_expand(hkdf_extract({no_salt.data(), no_salt.size()}, old_id), "coatcheck alias 1");
}

} // namespace

std::string make_alias(const handle& target, std::string_view old_id, std::string_view new_id)
{
    std::array<unsigned char, nonce_size> nonce;
    random_bytes(nonce);
    std::string payload(target.str());
    payload.append(reinterpret_cast<const char*>(nonce.data()), nonce.size());
    const auto sealed_at = payload.size();
    payload.resize(sealed_at + new_id.size() + tag_size);
    aes_256_gcm::encrypt(key_of(old_id), {payload.data() + handle::length, nonce_size}, target.str(), new_id,
                         payload.data() + sealed_at);
    return payload;
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
    auto id = aes_256_gcm::decrypt(key_of(old_id), payload.substr(handle::length, nonce_size),
                                   payload.substr(0, handle::length), payload.substr(handle::length + nonce_size));
    if (!id)
        return not_for_it;
    return *std::move(id);
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
