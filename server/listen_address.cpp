#include "server/config.hpp"

#include <boost/asio/ip/address.hpp>

#include <sys/un.h>

#include <algorithm>
#include <charconv>

namespace coatcheck {

namespace {

constexpr std::string_view unix_prefix = "unix:";
constexpr std::size_t max_socket_path = sizeof(sockaddr_un::sun_path) - 1;

template <class Number>
std::optional<Number> parse_number(std::string_view text, int base) noexcept
{
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

void read_parameter(std::string_view text, listen_address& into)
{
    const auto equals = std::min(text.find('='), text.size());
    const auto name = text.substr(0, equals);
    const auto value = text.substr(std::min(equals + 1, text.size()));
    if (name == "mode") {
        into.mode = parse_number<std::uint32_t>(value, 8);
        if (!into.mode || *into.mode > 0777)
            throw std::invalid_argument("mode= is permission bits in octal, such as 0660");
    } else if (name == "group" && !value.empty()) {
        into.group = std::string(value);
    } else {
        throw std::invalid_argument("a Unix socket takes ?mode=0660 and &group=NAME");
    }
}

listen_address parse_unix(std::string_view text)
{
    listen_address out;
    out.kind = listen_address::family::unix_socket;
    const auto question = std::min(text.find('?'), text.size());
    out.path = text.substr(0, question);
    if (out.path.empty() || out.path.size() > max_socket_path)
        throw std::invalid_argument("the path of a Unix socket has 1 to " + std::to_string(max_socket_path) +
                                    " characters");
    text.remove_prefix(question);
    while (!text.empty()) {
        text.remove_prefix(1); // ? or &
        const auto end = std::min(text.find('&'), text.size());
        read_parameter(text.substr(0, end), out);
        text.remove_prefix(end);
    }
    return out;
}

boost::asio::ip::address address_of(const std::string& host)
{
    boost::system::error_code error;
    return boost::asio::ip::make_address(host, error); // 0.0.0.0 on an error, which is not loopback
}

} // namespace

bool listen_address::is_loopback() const noexcept
{
    if (kind == family::unix_socket)
        return true;
    const auto address = address_of(host);
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()).is_loopback();
    return address.is_loopback();
}

std::string listen_address::str() const
{
    if (kind == family::tcp)
        return (host.find(':') != host.npos ? "[" + host + "]" : host) + ":" + std::to_string(port);
    std::string out = std::string(unix_prefix) + path;
    char separator = '?';
    if (mode) {
        std::array<char, 8> digits;
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *mode, 8).ptr;
        out.append("?mode=0").append(digits.data(), end);
        separator = '&';
    }
    if (group)
        out.append(1, separator).append("group=").append(*group);
    return out;
}

listen_address listen_address::parse(const std::string& text)
{
    if (text.starts_with(unix_prefix))
        return parse_unix(std::string_view(text).substr(unix_prefix.size()));

    const auto colon = text.rfind(':');
    const auto number = colon == text.npos ? std::nullopt : parse_number<std::uint16_t>(text.substr(colon + 1), 10);
    if (!number)
        throw std::invalid_argument("'" + text +
                                    "' is neither ADDRESS:PORT, such as 127.0.0.1:8642 or [::1]:8642, nor "
                                    "unix:PATH");
    listen_address out;
    out.port = *number;
    out.host = text.substr(0, colon);
    const bool bracketed = out.host.starts_with('[') && out.host.ends_with(']');
    if (bracketed)
        out.host = out.host.substr(1, out.host.size() - 2);
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(out.host, error);
    if (error)
        throw std::invalid_argument("'" + out.host +
                                    "' is no address: names are not looked up; for this machine alone "
                                    "say 127.0.0.1, for all IPv4 interfaces 0.0.0.0, for all interfaces [::]");
    if (address.is_v6() != bracketed)
        throw std::invalid_argument("'" + text +
                                    "': an IPv6 address stands in brackets, such as [::1]:8642, an IPv4 "
                                    "address does not");
    return out;
}

} // namespace coatcheck
