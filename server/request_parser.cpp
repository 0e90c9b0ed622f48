#include "server/request_parser.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>

namespace coatcheck {

namespace http = boost::beast::http;

namespace {

bool equals(std::string_view a, std::string_view b) noexcept
{
    return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

std::optional<single_field> single_field_of(http::field name, std::string_view text) noexcept
{
    switch (name) {
    case http::field::host:
        return single_field::host;
    case http::field::origin:
        return single_field::origin;
    case http::field::authorization:
        return single_field::authorization;
    case http::field::content_type:
        return single_field::content_type;
    case http::field::content_encoding:
        return single_field::content_encoding;
    case http::field::content_length:
        return single_field::content_length;
    case http::field::expect:
        return single_field::expect;
    case http::field::transfer_encoding:
        return single_field::transfer_encoding;
    case http::field::unknown:
        break;
    default:
        return std::nullopt;
    }
    static constexpr std::string_view prefix = "session-";
    if (text.size() > prefix.size() && equals(text.substr(0, prefix.size()), prefix)) {
        static constexpr struct {
            std::string_view rest;
            single_field field;
        } fields[] = {{"id", single_field::session_id},
                      {"idle-timeout", single_field::session_idle_timeout},
                      {"absolute-timeout", single_field::session_absolute_timeout},
                      {"subject", single_field::session_subject},
                      {"label", single_field::session_label},
                      {"lock", single_field::session_lock}};
        for (const auto& [rest, field] : fields)
            if (equals(text.substr(prefix.size()), rest))
                return field;
        return std::nullopt;
    }
    if (equals(text, "traceparent"))
        return single_field::traceparent;
    return equals(text, "last-event-id") ? std::optional(single_field::last_event_id) : std::nullopt;
}

std::optional<list_field> list_field_of(http::field name) noexcept
{
    switch (name) {
    case http::field::accept:
        return list_field::accept;
    case http::field::if_match:
        return list_field::if_match;
    case http::field::if_none_match:
        return list_field::if_none_match;
    case http::field::prefer:
        return list_field::prefer;
    default:
        return std::nullopt;
    }
}

method method_of(http::verb verb) noexcept
{
    switch (verb) {
    case http::verb::get:
        return method::get;
    case http::verb::head:
        return method::head;
    case http::verb::post:
        return method::post;
    case http::verb::put:
        return method::put;
    case http::verb::patch:
        return method::patch;
    case http::verb::delete_:
        return method::del;
    case http::verb::options:
        return method::options;
    default:
        return method::unsupported;
    }
}

// RFC 9110 §7.2: uri-host [":" port], without user information, path or list.
bool is_host(std::string_view text) noexcept
{
    if (text.empty() || text.size() > 255)
        return false;
    std::string_view rest;
    if (text.front() == '[') {
        const auto close = text.find(']');
        if (close == text.npos || close < 3)
            return false;
        const auto address = text.substr(1, close - 1);
        if (!std::ranges::all_of(address, [](char c) {
                return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
                       c == '.';
            }))
            return false;
        rest = text.substr(close + 1);
    } else {
        const auto colon = std::min(text.find(':'), text.size());
        const auto name = text.substr(0, colon);
        if (name.empty() || !std::ranges::all_of(name, [](char c) {
                return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                       c == '.' || c == '_';
            }))
            return false;
        rest = text.substr(colon);
    }
    if (rest.empty())
        return true;
    return rest.front() == ':' && rest.size() <= 6 &&
           std::ranges::all_of(rest.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

// "0" and two line ends: with fewer bytes of it Beast's assertions do not hold.
constexpr std::size_t shortest_end = 5;

// RFC 9112 §5.2 lets a server refuse a folded field; a fold is the seed of a smuggled one. Beast unfolds it into a
// buffer of its own, where no view may point, so this looks before Beast does, at the header's end or the input's.
bool has_folded_field(std::string_view input) noexcept
{
    for (auto at = input.find('\n'); at != input.npos && at + 1 < input.size(); at = input.find('\n', at + 1)) {
        if (input[at + 1] == ' ' || input[at + 1] == '\t')
            return true;
        if (input[at + 1] == '\r')
            return false;
    }
    return false;
}

// Beast calls all that goes wrong behind the target a bad version.
bool names_another_version(std::string_view input) noexcept
{
    static constexpr std::string_view name = " HTTP/";
    const auto line = input.substr(0, input.find_first_of("\r\n"));
    if (line.size() < name.size() + 3)
        return false;
    const auto last = line.substr(line.size() - name.size() - 3);
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto number = last.substr(name.size());
    return last.starts_with(name) && is_digit(number[0]) && number[1] == '.' && is_digit(number[2]) &&
           number != "1.0" && number != "1.1";
}

} // namespace

void request_parser::impl::refuse(errc code, std::string_view reason, error_code& ec)
{
    refused = http_error{code, reason};
    ec = http::error::bad_value;
}

void request_parser::impl::on_request_impl(http::verb verb, text, text target, int version, error_code& ec)
{
    into->http_1_0 = version == 10;
    into->verb = method_of(verb);
    std::string_view t(target.data(), target.size());
    if (verb == http::verb::connect)
        return refuse(errc::malformed, "CONNECT is for proxies, which this is not", ec);
    if (t.size() > max_target_length)
        return refuse(errc::uri_too_long, "the request target is longer than 2048 bytes", ec);
    if (!std::ranges::all_of(t, [](char c) { return c > ' ' && c < 127; }))
        return refuse(errc::malformed, "the request target has bytes outside of ASCII", ec);
    if (t == "*") {
        if (verb != http::verb::options)
            return refuse(errc::malformed, "the target * is for OPTIONS only", ec);
    } else if (t.front() != '/') {
        // Absolute form (RFC 9112 §3.2.2): its authority is the host, whatever the Host field says.
        const bool plain = t.size() > 7 && equals(t.substr(0, 7), "http://");
        const bool secure = t.size() > 8 && equals(t.substr(0, 8), "https://");
        if (!plain && !secure)
            return refuse(errc::malformed, "the request target must start with /", ec);
        t.remove_prefix(secure ? 8 : 7);
        const auto path = std::min(t.find_first_of("/?"), t.size());
        if (!is_host(t.substr(0, path)))
            return refuse(errc::malformed, "the authority in the request target is not a host and port", ec);
        authority = t.substr(0, path);
        t = path == t.size() ? std::string_view("/") : t.substr(path);
    }
    into->target = t;
}

void request_parser::impl::on_field_impl(http::field name, text name_text, text value, error_code& ec)
{
    if (in_trailer)
        return; // nothing that Coatcheck reads may come behind the body
    const std::string_view v(value.data(), value.size());
    if (const auto list = list_field_of(name))
        return into->append(*list, v);
    const auto field = single_field_of(name, {name_text.data(), name_text.size()});
    if (!field)
        return;
    if (into->has(*field))
        return refuse(errc::malformed, "a header field that may come once came twice", ec);
    // Beast takes a list of equal numbers; another parser may take its first or its last.
    if (*field == single_field::content_length && v.find(',') != v.npos)
        return refuse(errc::malformed, "the Content-Length is not one number", ec);
    into->set(*field, v);
}

void request_parser::impl::on_header_impl(error_code& ec)
{
    in_trailer = true;
    if (!into->has(single_field::host)) {
        if (!into->http_1_0)
            return refuse(errc::malformed, "the Host header field is missing", ec);
    } else if (!is_host(into->get(single_field::host))) {
        return refuse(errc::malformed, "the Host header field is not a host and port", ec);
    }
    if (authority.data() != nullptr)
        into->set(single_field::host, authority);
    if (into->has(single_field::transfer_encoding)) {
        const auto coding = into->get(single_field::transfer_encoding);
        if (into->http_1_0)
            return refuse(errc::malformed, "HTTP/1.0 knows no Transfer-Encoding", ec);
        if (!equals(coding, "chunked"))
            return refuse(coding.find(',') == coding.npos && !coding.empty() && !equals(coding, "identity")
                              ? errc::unsupported
                              : errc::malformed,
                          "the only Transfer-Encoding taken is chunked", ec);
    }
    into->keep_alive = keep_alive();
}

void request_parser::impl::on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) {}

std::size_t request_parser::impl::on_body_impl(text data, error_code&)
{
    return data.size();
}

void request_parser::impl::on_chunk_header_impl(std::uint64_t size, text, error_code& ec)
{
    if (size > body_limit_bytes - body->size())
        refuse(errc::too_large, "the body is larger than the limit", ec);
}

std::size_t request_parser::impl::on_chunk_body_impl(std::uint64_t, text data, error_code&)
{
    body->append(data.data(), data.size());
    return data.size();
}

void request_parser::impl::on_finish_impl(error_code&) {}

request_parser::request_parser(request& into, std::size_t header_limit) : header_limit_(header_limit)
{
    impl_.into = &into;
    impl_.header_limit(static_cast<std::uint32_t>(header_limit));
    impl_.body_limit(boost::none); // the connection answers 413 itself, before it reads a body
    impl_.eager(false);
}

http_error request_parser::error_of(const boost::beast::error_code& ec) const
{
    if (impl_.refused)
        return *impl_.refused;
    if (ec == http::error::header_limit)
        return {errc::header_too_large, "the request line and header fields are larger than the limit"};
    if (ec == http::error::bad_version)
        return {errc::http_version, "only HTTP/1.0 and HTTP/1.1 are served"};
    if (ec == http::error::bad_method)
        return {errc::malformed, "the request line has no valid method"};
    if (ec == http::error::bad_target)
        return {errc::malformed, "the request line has no valid target"};
    if (ec == http::error::bad_content_length || ec == http::error::multiple_content_length)
        return {errc::malformed, "the Content-Length is not one number, or stands beside a Transfer-Encoding"};
    if (ec == http::error::bad_transfer_encoding)
        return {errc::malformed, "the Transfer-Encoding is not valid"};
    if (ec == http::error::bad_chunk || ec == http::error::bad_chunk_extension)
        return {errc::malformed, "the chunked body is not valid"};
    return {errc::malformed, "the request line or a header field is not valid HTTP/1.1"};
}

boost::system::result<std::size_t, http_error> request_parser::parse_header(std::string_view input)
{
    if (has_folded_field(input))
        return http_error{errc::malformed, "a header field is folded over several lines"};
    boost::beast::error_code ec;
    const std::size_t used = impl_.put(boost::asio::const_buffer(input.data(), input.size()), ec);
    if (ec == http::error::need_more)
        return std::size_t{0};
    if (ec) {
        auto e = error_of(ec);
        if (e.code == errc::http_version && !names_another_version(input))
            e = {errc::malformed, "the request line is not valid HTTP/1.1"};
        if (e.code == errc::header_too_large && input.substr(0, max_target_length).find('\n') == input.npos)
            e = {errc::uri_too_long, "the request target is longer than 2048 bytes"};
        return e;
    }
    if (used > header_limit_) // Beast counts the fields alone
        return error_of(http::error::header_limit);
    return used;
}

std::uint64_t request_parser::content_length() const noexcept
{
    return impl_.content_length().value_or(0);
}

boost::system::result<std::size_t, http_error> request_parser::parse_chunks(std::string_view input, std::size_t limit,
                                                                            std::string& body)
{
    impl_.body = &body;
    impl_.body_limit_bytes = limit;
    std::size_t used = 0;
    boost::beast::error_code ec;
    while (!impl_.is_done() && input.size() - used >= shortest_end) {
        const auto n = impl_.put(boost::asio::const_buffer(input.data() + used, input.size() - used), ec);
        used += n;
        if (ec == http::error::need_more)
            break;
        if (ec)
            return error_of(ec);
    }
    // Data is taken as it comes, so what is left is framing: a size, an extension, a trailer. A chunk of one byte costs
    // five of it, which is enough for any honest client, and a bound for the others.
    chunked_bytes_ += used;
    if (!impl_.is_done() && (input.size() - used > header_limit_ || chunked_bytes_ > 8 * limit + header_limit_))
        return http_error{errc::too_large, "the chunked body has more framing than data"};
    return used;
}

} // namespace coatcheck
