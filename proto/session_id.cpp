#include "proto/session_id.hpp"

#include "proto/base64url.hpp"
#include "proto/random.hpp"
#include "proto/sha256.hpp"

#include <algorithm>
#include <cstring>

namespace coatcheck {

namespace {

bool is_id_char(char c) noexcept
{
    return is_base64url(c) || c == '.' || c == '~' || c == ',' || c == ':';
}

} // namespace

bool is_session_id(std::string_view text) noexcept
{
    return text.size() >= min_id_length && text.size() <= max_id_length && std::ranges::all_of(text, is_id_char);
}

std::string make_session_id()
{
    std::array<unsigned char, 32> bytes;
    random_bytes(bytes);
    return base64url(bytes);
}

handle::handle(std::string_view text) noexcept
{
    std::copy_n(text.begin(), length, text_.begin());
}

bool is_handle(std::string_view text) noexcept
{
    return text.size() == handle::length && std::ranges::all_of(text, is_base64url);
}

handle_maker::handle_maker(std::string key) : key_(std::move(key)) {}

handle handle_maker::operator()(std::string_view id) const
{
    const sha256_digest d = key_.empty() ? sha256(id) : hmac_sha256(key_, id);
    std::array<char, handle::length> text;
    base64url_encode(d, text.data());
    return handle({text.data(), text.size()});
}

} // namespace coatcheck

std::size_t std::hash<coatcheck::handle>::operator()(const coatcheck::handle& h) const noexcept
{
    std::size_t value = 0;
    std::memcpy(&value, h.str().data(), sizeof value);
    return value;
}
