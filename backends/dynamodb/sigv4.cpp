#include "backends/dynamodb/sigv4.hpp"

#include "proto/sha256.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

namespace coatcheck::dynamodb::sigv4 {

namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

std::string hex(const sha256_digest& digest)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const auto byte : digest) {
        out += digits[byte >> 4U];
        out += digits[byte & 15U];
    }
    return out;
}

sha256_digest hmac(std::string_view key, std::string_view text)
{
    sha256_digest out;
    unsigned size = 0;
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), &size) == nullptr)
        throw std::runtime_error("HMAC-SHA-256 failed");
    return out;
}

std::string_view bytes_of(const sha256_digest& digest)
{
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

bool is_unreserved(char c) noexcept
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void append_encoded(std::string& out, std::string_view text, char also = '-')
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : text) {
        if (is_unreserved(c) || c == also) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out.append({'%', digits[byte >> 4U], digits[byte & 15U]});
        }
    }
}

// What a query means, so that one that is encoded in another way is the same.
std::string decoded(std::string_view text)
{
    const auto value = [](char c) {
        return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && value(text[i + 1]) >= 0 && value(text[i + 2]) >= 0) {
            out += static_cast<char>(value(text[i + 1]) * 16 + value(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::vector<std::string_view> split(std::string_view text, char at)
{
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find(at);
        parts.push_back(text.substr(0, end));
        if (end == text.npos)
            return parts;
        text.remove_prefix(end + 1);
    }
}

std::string normalized(std::string_view path)
{
    std::vector<std::string_view> kept;
    const auto parts = split(path, '/');
    for (const auto& part : parts) {
        if (part == ".." && !kept.empty())
            kept.pop_back();
        else if (!part.empty() && part != "." && part != "..")
            kept.push_back(part);
    }
    std::string out;
    for (const auto& part : kept)
        out.append("/").append(part);
    const bool folder = parts.back().empty() || parts.back() == "." || parts.back() == "..";
    return folder || out.empty() ? out + "/" : out;
}

std::string canonical_query(std::string_view query)
{
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const auto& part : split(query, '&')) {
        if (part.empty())
            continue;
        const auto mark = part.find('=');
        std::pair<std::string, std::string> each;
        append_encoded(each.first, decoded(part.substr(0, mark)));
        if (mark != part.npos)
            append_encoded(each.second, decoded(part.substr(mark + 1)));
        pairs.push_back(std::move(each));
    }
    std::ranges::sort(pairs);
    std::string out;
    for (const auto& [name, value] : pairs)
        out.append(out.empty() ? "" : "&").append(name).append("=").append(value);
    return out;
}

// Without white space at the ends, and with one space where there are more.
std::string trimmed(std::string_view text)
{
    std::string out;
    bool gap = false;
    for (const char c : text) {
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            gap = !out.empty();
            continue;
        }
        if (std::exchange(gap, false))
            out += ' ';
        out += c;
    }
    return out;
}

// By lower-case name; values of one name are joined in their order.
std::map<std::string, std::string> canonical_headers(const std::vector<http_header>& headers)
{
    std::map<std::string, std::string> out;
    for (const auto& [name, value] : headers) {
        std::string lower = name;
        for (char& c : lower)
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
        const auto [at, first] = out.try_emplace(std::move(lower), trimmed(value));
        if (!first)
            at->second.append(",").append(trimmed(value));
    }
    return out;
}

std::string signed_headers(const std::map<std::string, std::string>& headers)
{
    std::string names;
    for (const auto& each : headers)
        names.append(names.empty() ? "" : ";").append(each.first);
    return names;
}

std::string scope_text(std::string_view date, const scope& where)
{
    std::string out(date.substr(0, 8));
    for (const auto part : {where.region, where.service, std::string_view("aws4_request")})
        out.append("/").append(part);
    return out;
}

} // namespace

std::string amz_date(time_point now)
{
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    const auto day = std::chrono::floor<std::chrono::days>(second);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(second - day);
    std::array<char, 64> out{};
    const int n = std::snprintf(out.data(), out.size(), "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
                                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                                static_cast<int>(time.seconds().count()));
    return {out.data(), static_cast<std::size_t>(n)};
}

std::string canonical_request(const http_request& request, bool normalize)
{
    const std::string_view target = request.target;
    const auto mark = target.find('?');
    const std::string_view path = target.substr(0, mark);
    std::string out = request.method + "\n";
    append_encoded(out, normalize ? normalized(path) : std::string(path), '/');
    out.append("\n").append(canonical_query(mark == target.npos ? "" : target.substr(mark + 1))).append("\n");
    const auto headers = canonical_headers(request.headers);
    for (const auto& [name, value] : headers)
        out.append(name).append(":").append(value).append("\n");
    return out.append("\n").append(signed_headers(headers)).append("\n").append(hex(sha256(request.body)));
}

std::string string_to_sign(std::string_view canonical, std::string_view date, const scope& where)
{
    std::string out(algorithm);
    out.append("\n").append(date).append("\n").append(scope_text(date, where));
    return out.append("\n").append(hex(sha256(canonical)));
}

std::string authorization(const http_request& request, std::string_view date, const credentials& who,
                          const scope& where, bool normalize)
{
    auto key = hmac("AWS4" + who.secret, date.substr(0, 8));
    for (const auto part : {where.region, where.service, std::string_view("aws4_request")})
        key = hmac(bytes_of(key), part);
    const auto signature = hmac(bytes_of(key), string_to_sign(canonical_request(request, normalize), date, where));
    std::string out(algorithm);
    out.append(" Credential=").append(who.key_id).append("/").append(scope_text(date, where));
    out.append(", SignedHeaders=").append(signed_headers(canonical_headers(request.headers)));
    return out.append(", Signature=").append(hex(signature));
}

void sign(http_request& request, const std::string& host, const credentials& who, const scope& where, time_point now)
{
    const std::string date = amz_date(now);
    request.headers.push_back({"X-Amz-Date", date});
    if (!who.token.empty())
        request.headers.push_back({"X-Amz-Security-Token", who.token});
    request.headers.push_back({"Host", host}); // for the signature: the client adds its own
    std::string signature = authorization(request, date, who, where);
    request.headers.back() = {"Authorization", std::move(signature)};
}

} // namespace coatcheck::dynamodb::sigv4
