#include "server/handlers/session_meta.hpp"

#include "server/response.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace coatcheck {

void write_time(msgpack_writer& w, std::string_view name, time_point t)
{
    w.text(name);
    if (t == never || t == time_point{}) {
        w.null();
        return;
    }
    const auto second = std::chrono::floor<std::chrono::seconds>(t);
    const std::time_t unix_time = std::chrono::system_clock::to_time_t(second);
    std::tm parts;
    gmtime_r(&unix_time, &parts);
    std::array<char, 64> text;
    const int n = std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                                static_cast<int>((t - second).count()));
    w.text({text.data(), static_cast<std::size_t>(n)});
}

void write_meta(msgpack_writer& w, const sessions& store, const handle& name, const head& about, std::size_t size)
{
    w.text("handle").text(name.str());
    w.text("version");
    if (about.what == kind::ended) {
        w.null();
    } else {
        std::string etag;
        append_etag(about.data_version, etag);
        w.text(etag);
    }
    write_time(w, "created", about.created);
    write_time(w, "last_seen", about.last_seen);
    write_time(w, "expires", about.expires);
    write_time(w, "ends", about.absolute_end);
    w.text("idle_timeout");
    about.idle.count() == 0 ? w.null() : w.number(about.idle.count());
    w.text("absolute_timeout");
    if (about.absolute_end == never)
        w.null();
    else
        w.number(std::chrono::duration_cast<std::chrono::seconds>(about.absolute_end - about.created).count());
    w.text("subject");
    about.subject.empty() ? w.null() : w.text(about.subject);
    w.text("label");
    about.label.empty() ? w.null() : w.text(about.label);
    w.text("size").number(static_cast<std::int64_t>(size));
    w.text("store").text(store.name());
}

} // namespace coatcheck
