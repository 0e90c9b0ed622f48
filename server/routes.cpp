#include "server/routes.hpp"

namespace coatcheck {

namespace {

struct row {
    std::string_view name;
    std::string_view allow;
};

constexpr std::array<row, resource_count> table{{
    {"/v1/sessions", "GET, POST, DELETE, OPTIONS"},
    {"/v1/session", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"},
    {"/v1/session/touch", "POST, OPTIONS"},
    {"/v1/session/meta", "GET, HEAD, OPTIONS"},
    {"/v1/session/rotate", "POST, OPTIONS"},
    {"/v1/session/lock", "POST, DELETE, OPTIONS"},
    {"/v1/handles", "GET, DELETE, OPTIONS"},
    {"/v1/stores/end-all", "POST, OPTIONS"},
    {"/v1/events", "GET, OPTIONS"},
    {"/v1/stores", "GET, HEAD, OPTIONS"},
    {"/healthz", "GET, HEAD, OPTIONS"},
    {"/readyz", "GET, HEAD, OPTIONS"},
    {"/metrics", "GET, HEAD, OPTIONS"},
    {"*", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"},
    {"unknown", "OPTIONS"},
}};

int hex_value(char c) noexcept
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool percent_decode(std::string_view text, std::string& out)
{
    out.clear();
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        if (i + 2 >= text.size() || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0)
            return false;
        const char c = static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
        if (c == '/' || c == '\0')
            return false; // would change what the path means, and no part of a path here has it
        out.push_back(c);
        i += 2;
    }
    return true;
}

// Takes the next segment off the front of `path`, which starts with a slash or is empty.
std::string_view next_segment(std::string_view& path) noexcept
{
    if (path.empty())
        return {};
    path.remove_prefix(1);
    const auto slash = path.find('/');
    const auto segment = path.substr(0, slash);
    path = slash == path.npos ? std::string_view() : path.substr(slash);
    return segment;
}

// What follows a session: nothing or an action.
resource session_resource(std::string_view rest) noexcept
{
    if (rest.empty())
        return resource::session;
    if (rest == "/touch")
        return resource::session_touch;
    if (rest == "/meta")
        return resource::session_meta;
    if (rest == "/rotate")
        return resource::session_rotate;
    if (rest == "/lock")
        return resource::session_lock;
    return resource::unknown;
}

} // namespace

std::string_view name_of(resource r) noexcept
{
    return table[static_cast<std::size_t>(r)].name;
}

std::string_view allowed_methods(resource r) noexcept
{
    return table[static_cast<std::size_t>(r)].allow;
}

bool allows(resource r, method m) noexcept
{
    std::string_view rest = allowed_methods(r);
    while (!rest.empty()) {
        const auto comma = rest.find(", ");
        if (rest.substr(0, comma) == name_of(m))
            return true;
        rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 2);
    }
    return false;
}

bool has_flag(const route& r, std::string_view name) noexcept
{
    const auto value = r.query.size() == name.size() + 1 && r.query.back() == '=';
    return r.query.substr(0, r.query.size() - (value ? 1 : 0)) == name;
}

std::optional<route> find_route(std::string_view target, std::string& decoded)
{
    route r;
    const auto question = target.find('?');
    std::string_view path = target.substr(0, question);
    if (question != target.npos)
        r.query = target.substr(question + 1);
    if (path == "*") {
        r.what = resource::server;
        return r;
    }
    if (path.find('%') != path.npos) {
        if (!percent_decode(path, decoded))
            return std::nullopt;
        path = decoded;
    }
    const auto first = next_segment(path);
    if (first != "v1") {
        if (path.empty())
            r.what = first == "healthz"   ? resource::healthz
                     : first == "readyz"  ? resource::readyz
                     : first == "metrics" ? resource::metrics
                                          : resource::unknown;
        return r;
    }
    auto second = next_segment(path);
    const bool in_store = second == "stores";
    if (in_store) {
        if (path.empty()) {
            r.what = resource::stores;
            return r;
        }
        r.store = next_segment(path);
        second = next_segment(path);
        if (second == "end-all" && path.empty()) {
            r.what = resource::end_all;
            return r;
        }
    }
    if (second == "session") {
        r.what = session_resource(path);
    } else if (second == "sessions") {
        if (path.empty()) {
            r.what = resource::sessions;
            return r;
        }
        r.id = next_segment(path);
        r.id_in_path = true;
        r.what = r.id.empty() ? resource::unknown : session_resource(path);
    } else if (second == "handles" && !path.empty()) {
        r.id = next_segment(path);
        r.what = path.empty() && !r.id.empty() ? resource::handle : resource::unknown;
    } else if (second == "events" && path.empty() && !in_store) {
        r.what = resource::events;
    }
    return r;
}

} // namespace coatcheck
