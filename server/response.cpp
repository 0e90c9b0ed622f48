#include "server/response.hpp"

#include <array>
#include <charconv>
#include <ctime>

namespace coatcheck {

namespace {

std::string_view status_line(int status) noexcept
{
    switch (status) {
    case 200:
        return "HTTP/1.1 200 OK\r\n";
    case 201:
        return "HTTP/1.1 201 Created\r\n";
    case 202:
        return "HTTP/1.1 202 Accepted\r\n";
    case 204:
        return "HTTP/1.1 204 No Content\r\n";
    case 304:
        return "HTTP/1.1 304 Not Modified\r\n";
    case 400:
        return "HTTP/1.1 400 Bad Request\r\n";
    case 401:
        return "HTTP/1.1 401 Unauthorized\r\n";
    case 403:
        return "HTTP/1.1 403 Forbidden\r\n";
    case 404:
        return "HTTP/1.1 404 Not Found\r\n";
    case 405:
        return "HTTP/1.1 405 Method Not Allowed\r\n";
    case 406:
        return "HTTP/1.1 406 Not Acceptable\r\n";
    case 408:
        return "HTTP/1.1 408 Request Timeout\r\n";
    case 409:
        return "HTTP/1.1 409 Conflict\r\n";
    case 410:
        return "HTTP/1.1 410 Gone\r\n";
    case 411:
        return "HTTP/1.1 411 Length Required\r\n";
    case 412:
        return "HTTP/1.1 412 Precondition Failed\r\n";
    case 413:
        return "HTTP/1.1 413 Content Too Large\r\n";
    case 414:
        return "HTTP/1.1 414 URI Too Long\r\n";
    case 415:
        return "HTTP/1.1 415 Unsupported Media Type\r\n";
    case 417:
        return "HTTP/1.1 417 Expectation Failed\r\n";
    case 421:
        return "HTTP/1.1 421 Misdirected Request\r\n";
    case 422:
        return "HTTP/1.1 422 Unprocessable Content\r\n";
    case 423:
        return "HTTP/1.1 423 Locked\r\n";
    case 429:
        return "HTTP/1.1 429 Too Many Requests\r\n";
    case 431:
        return "HTTP/1.1 431 Request Header Fields Too Large\r\n";
    case 501:
        return "HTTP/1.1 501 Not Implemented\r\n";
    case 503:
        return "HTTP/1.1 503 Service Unavailable\r\n";
    case 504:
        return "HTTP/1.1 504 Gateway Timeout\r\n";
    case 505:
        return "HTTP/1.1 505 HTTP Version Not Supported\r\n";
    case 507:
        return "HTTP/1.1 507 Insufficient Storage\r\n";
    default:
        return "HTTP/1.1 500 Internal Server Error\r\n";
    }
}

std::string_view content_type_line(media_type type) noexcept
{
    switch (type) {
    case media_type::json:
        return "Content-Type: application/json\r\n";
    case media_type::msgpack:
        return "Content-Type: application/msgpack\r\n";
    case media_type::vnd_msgpack:
        return "Content-Type: application/vnd.msgpack\r\n";
    case media_type::problem_json:
        return "Content-Type: application/problem+json\r\n";
    case media_type::metrics_text:
        return "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n";
    case media_type::plain_text:
        return "Content-Type: text/plain; charset=utf-8\r\n";
    case media_type::event_stream:
        return "Content-Type: text/event-stream\r\n";
    case media_type::none:
        break;
    }
    return {};
}

void append_number(std::uint64_t n, std::string& out)
{
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr;
    out.append(digits.data(), end);
}

} // namespace

void response::clear() noexcept
{
    status = 200;
    type = media_type::none;
    etag.reset();
    expires_in.reset();
    session_id.clear();
    location.clear();
    allow = {};
    accept_patch = minimal = retry_after = authenticate = unreadable = close = false;
    body.clear();
    stream.reset();
    log_detail.clear();
    request_id.clear();
    route = resource::unknown;
    store = {};
    session.reset();
}

void append_etag(version v, std::string& out)
{
    std::array<char, 18> text;
    text.front() = text.back() = '"';
    for (int i = 0; i < 16; ++i)
        text[static_cast<std::size_t>(i) + 1] = "0123456789abcdef"[(v.bits >> (60 - 4 * i)) & 15U];
    out.append(text.data(), text.size());
}

std::string_view http_date(time_point now)
{
    struct formatted {
        std::time_t second = -1;
        std::array<char, 30> text;
    };
    thread_local formatted last;
    const std::time_t second = std::chrono::system_clock::to_time_t(now);
    if (second != last.second) {
        static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        std::tm t;
        gmtime_r(&second, &t);
        // Not strftime, which would put a locale's names here.
        std::snprintf(last.text.data(), last.text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[t.tm_wday % 7],
                      t.tm_mday, months[t.tm_mon % 12], (t.tm_year + 1900) % 10000, t.tm_hour, t.tm_min, t.tm_sec);
        last.second = second;
    }
    return {last.text.data(), 29};
}

void render(const response& r, const framing& f, std::string& out)
{
    out.append(status_line(r.status));
    out.append("Date: ").append(f.date).append("\r\n");
    out.append(content_type_line(r.type));
    if (r.stream) {
        if (!f.http_1_0)
            out.append("Transfer-Encoding: chunked\r\n");
    } else if (r.status != 204 && r.status != 304) {
        out.append("Content-Length: ");
        append_number(r.body.size(), out);
        out.append("\r\n");
    }
    out.append("Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
    if (r.etag) {
        out.append("ETag: ");
        append_etag(*r.etag, out);
        out.append("\r\n");
    }
    if (r.expires_in) {
        out.append("Session-Expires-In: ");
        append_number(static_cast<std::uint64_t>(r.expires_in->count()), out);
        out.append("\r\n");
    }
    if (!r.session_id.empty())
        out.append("Session-Id: ").append(r.session_id).append("\r\n");
    if (!r.location.empty())
        out.append("Location: ").append(r.location).append("\r\n");
    if (!r.allow.empty())
        out.append("Allow: ").append(r.allow).append("\r\n");
    if (r.accept_patch)
        out.append("Accept-Patch: application/merge-patch+json, application/msgpack, application/vnd.msgpack\r\n");
    if (r.minimal)
        out.append("Preference-Applied: return=minimal\r\n");
    if (r.retry_after)
        out.append("Retry-After: 1\r\n");
    if (r.authenticate)
        out.append("WWW-Authenticate: Bearer\r\n");
    if (r.unreadable)
        out.append("Session-Unreadable: 1\r\n");
    if (r.close)
        out.append("Connection: close\r\n");
    else if (f.http_1_0)
        out.append("Connection: keep-alive\r\n");
    out.append("\r\n");
    if (!f.head && r.status != 204 && r.status != 304)
        out.append(r.body);
}

} // namespace coatcheck
