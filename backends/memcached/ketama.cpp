#include "backends/memcached/ketama.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <tuple>

namespace coatcheck::memcached {

namespace {

constexpr std::uint16_t unnamed_port = 11211; // left out of what is hashed
constexpr unsigned plain_points = 100;        // a server
constexpr unsigned weighted_points = 160;     // a server, on average
constexpr unsigned points_of_digest = 4;

using digest = std::array<unsigned char, 16>;

digest md5(std::string_view text)
{
    digest d;
    unsigned length = 0;
    if (EVP_Digest(text.data(), text.size(), d.data(), &length, EVP_md5(), nullptr) != 1)
        throw std::runtime_error("OpenSSL has no MD5, by which ketama places keys; ketama=plain does without");
    return d;
}

std::uint32_t word_of(const digest& d, std::size_t index) noexcept
{
    const auto* const at = d.data() + 4 * index;
    return at[0] | at[1] << 8U | at[2] << 16U | static_cast<std::uint32_t>(at[3]) << 24U;
}

// http://www.burtleburtle.net/bob/hash/doobs.html
std::uint32_t one_at_a_time(std::string_view text) noexcept
{
    std::uint32_t hash = 0;
    for (const char c : text) {
        hash += static_cast<unsigned char>(c);
        hash += hash << 10U;
        hash ^= hash >> 6U;
    }
    hash += hash << 3U;
    hash ^= hash >> 11U;
    hash += hash << 15U;
    return hash;
}

// libmemcached computes it from the server's share of the weights in floats, whose rounding gives some fleets (25
// servers, 47, 50, …) one digest less for each server. Each step is rounded as there.
unsigned digests_of_server(std::size_t servers) noexcept
{
    const auto count = static_cast<float>(servers);
    const float share = 1.0F / count;
    const float points = share * static_cast<float>(weighted_points);
    const float digests = points / static_cast<float>(points_of_digest);
    const float all = digests * count;
    return static_cast<unsigned>(std::floor(all + 0.0000000001F));
}

std::string name_of_point(const ketama_server& s, unsigned index)
{
    std::string name = s.host;
    if (s.port != unnamed_port)
        name.append(":").append(std::to_string(s.port));
    return name.append("-").append(std::to_string(index));
}

} // namespace

ketama::ketama(const std::vector<ketama_server>& servers, layout how) : how_(how)
{
    if (servers.size() < 2)
        return;
    for (std::size_t i = 0; i < servers.size(); ++i) {
        if (how == layout::plain) {
            for (unsigned n = 0; n < plain_points; ++n)
                points_.push_back({one_at_a_time(name_of_point(servers[i], n)), i});
            continue;
        }
        for (unsigned n = 0; n < digests_of_server(servers.size()); ++n) {
            const auto d = md5(name_of_point(servers[i], n));
            for (unsigned w = 0; w < points_of_digest; ++w)
                points_.push_back({word_of(d, w), i});
        }
    }
    std::ranges::sort(points_, [](const point& a, const point& b) {
        return std::tie(a.value, a.server) < std::tie(b.value, b.server);
    });
}

std::size_t ketama::server_of(std::string_view key) const
{
    if (points_.empty())
        return 0;
    const auto hash = how_ == layout::plain ? one_at_a_time(key) : word_of(md5(key), 0);
    const auto at = std::ranges::lower_bound(points_, hash, {}, &point::value);
    return (at != points_.end() ? *at : points_.front()).server;
}

} // namespace coatcheck::memcached
