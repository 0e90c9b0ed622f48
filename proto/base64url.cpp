#include "proto/base64url.hpp"

namespace coatcheck {

namespace {
constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
}

void base64url_encode(std::span<const unsigned char> in, char* out) noexcept
{
    std::size_t i = 0;
    for (; i + 2 < in.size(); i += 3) {
        const unsigned v = (in[i] << 16U) | (in[i + 1] << 8U) | in[i + 2];
        *out++ = alphabet[v >> 18U];
        *out++ = alphabet[(v >> 12U) & 63U];
        *out++ = alphabet[(v >> 6U) & 63U];
        *out++ = alphabet[v & 63U];
    }
    const std::size_t left = in.size() - i;
    if (left == 0)
        return;
    const unsigned v = (in[i] << 16U) | (left == 2 ? in[i + 1] << 8U : 0U);
    *out++ = alphabet[v >> 18U];
    *out++ = alphabet[(v >> 12U) & 63U];
    if (left == 2)
        *out++ = alphabet[(v >> 6U) & 63U];
}

std::string base64url(std::span<const unsigned char> in)
{
    std::string out(base64url_length(in.size()), '\0');
    base64url_encode(in, out.data());
    return out;
}

bool is_base64url(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

} // namespace coatcheck
