#include "proto/base64.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace coatcheck {

namespace {

bool is_base64(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

} // namespace

void base64_encode(std::string_view in, char* out) noexcept
{
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out), reinterpret_cast<const unsigned char*>(in.data()),
                    static_cast<int>(in.size()));
}

std::optional<std::size_t> base64_decode(std::string_view text, char* out) noexcept
{
    // OpenSSL's decoder skips white space and counts padding as bytes.
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    if (text.size() % 4 != 0 || !std::ranges::all_of(text.substr(0, text.size() - padding), is_base64))
        return std::nullopt;
    const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out),
                                  reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (n < 0)
        return std::nullopt;
    return static_cast<std::size_t>(n) - padding;
}

} // namespace coatcheck
