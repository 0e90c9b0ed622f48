#pragma once
// Session ids and handles (contract: Words).

#include <array>
#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

namespace coatcheck {

constexpr std::size_t min_id_length = 16;
constexpr std::size_t max_id_length = 256;

// True for 16 to 256 characters of [A-Za-z0-9._~,:-].
bool is_session_id(std::string_view text) noexcept;

// 256 bits from the system's CSPRNG, base64url, 43 characters. Thread safe. Throws std::runtime_error if the CSPRNG
// fails.
std::string make_session_id();

// base64url(SHA-256(id)), or of HMAC-SHA-256 under a key: what names a session at rest and in logs.
class handle {
public:
    static constexpr std::size_t length = 43;

    // The handle that `text` spells, which must have 43 characters of base64url; the caller has checked with is_handle.
    explicit handle(std::string_view text) noexcept;

    std::string_view str() const noexcept { return {text_.data(), text_.size()}; }
    friend auto operator<=>(const handle&, const handle&) = default;

private:
    std::array<char, length> text_;
};

bool is_handle(std::string_view text) noexcept;

// Makes handles, always under the same key. Thread safe.
class handle_maker {
public:
    // An empty key means plain SHA-256.
    explicit handle_maker(std::string key = {});

    handle operator()(std::string_view id) const;

private:
    std::string key_;
};

} // namespace coatcheck

template <>
struct std::hash<coatcheck::handle> {
    // A handle is a hash already: its first bytes are as good as any.
    std::size_t operator()(const coatcheck::handle& h) const noexcept;
};
