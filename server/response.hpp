#pragma once
// One HTTP answer, and its rendering. By hand, because Beast's response and serializer cost 1.3 µs a request, this 14
// ns a field.

#include "proto/error.hpp"
#include "proto/record.hpp"
#include "proto/session_id.hpp"
#include "server/routes.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck {

enum class media_type : std::uint8_t {
    none,
    json,
    msgpack,
    vnd_msgpack,
    problem_json,
    metrics_text,
    plain_text,
    event_stream
};

class streamed_body;

struct response {
    int status = 200;
    media_type type = media_type::none;
    std::optional<version> etag;
    std::optional<std::chrono::seconds> expires_in;
    std::string session_id;    // Session-Id
    std::string location;      // Location
    std::string_view allow;    // Allow
    bool accept_patch = false; // Accept-Patch: what a PATCH may be
    bool minimal = false;      // Preference-Applied: return=minimal
    bool retry_after = false;  // Retry-After: 1
    bool authenticate = false; // WWW-Authenticate: Bearer
    bool unreadable = false;   // Session-Unreadable
    bool close = false;        // the connection ends after this answer
    std::string body;
    std::shared_ptr<streamed_body> stream; // instead of a body: it is sent behind the header, and the connection closes

    // What the body of an error, its log line and an audit line share; made for those.
    std::string request_id;
    // What the log is told of a failure, and never the caller.
    std::string log_detail;
    // For metrics and the log: what was asked for.
    resource route = resource::unknown;
    std::string_view store;
    std::optional<coatcheck::handle> session;

    void clear() noexcept;
};

// How the answer is framed on the wire.
struct framing {
    bool head = false;     // the request was HEAD: the fields of the body, without it
    bool http_1_0 = false; // an HTTP/1.0 client has to be told that the connection stays
    std::string_view date; // IMF-fixdate
};

// Appends the answer to `out`.
void render(const response& r, const framing& f, std::string& out);

// The current time as an IMF-fixdate (RFC 9110 §5.6.7), formatted once a second and thread.
std::string_view http_date(time_point now);

// `"` + 16 hexadecimal digits + `"`.
void append_etag(version v, std::string& out);

} // namespace coatcheck
