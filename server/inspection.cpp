#include "server/inspection.hpp"

#include "proto/change.hpp"
#include "proto/msgpack_reader.hpp"
#include "proto/rotated_record.hpp"
#include "proto/utf8.hpp"

#include <array>
#include <utility>

namespace coatcheck {

namespace {

session_state state_of(const head& live, time_point epoch, time_point now) noexcept
{
    if (!is_live(live, now))
        return session_state::expired;
    return live.created < epoch ? session_state::ended : session_state::live;
}

} // namespace

std::string_view name_of(session_state s) noexcept
{
    static constexpr std::array<std::string_view, 6> names{"live",  "ended",   "expired",
                                                           "alias", "pending", "unreadable"};
    return names[static_cast<std::size_t>(s)];
}

bool is_own(const head& about) noexcept
{
    return about.what == kind::live && about.idle.count() == 0;
}

inspection inspect(record stored, time_point epoch, time_point now)
{
    inspection seen{.state = session_state::ended, .stored = {}, .other = {}, .data_size = 0, .why = {}};
    const auto damaged = [&](const char* what) {
        seen.state = session_state::unreadable;
        seen.why = failure{errc::corrupt, what};
    };
    std::string_view data;
    switch (stored.about.what) {
    case kind::live:
        seen.state = state_of(stored.about, epoch, now);
        data = stored.payload;
        break;
    case kind::ended:
        break;
    case kind::alias:
        seen.state = session_state::alias;
        seen.other = alias_target(stored.payload);
        if (!seen.other)
            damaged("an alias that leads nowhere");
        break;
    case kind::pending:
        seen.state = session_state::pending;
        if (const auto parts = parse_pending(stored.payload)) {
            seen.other = parts->source;
            data = parts->data;
        } else {
            damaged("a pending record that does not say where it comes from");
        }
        break;
    }
    seen.data_size = data.size();
    const bool has_data = seen.state == session_state::live || seen.state == session_state::pending;
    if (has_data && !is_one_map(data))
        damaged("data that is not one map");
    for (std::string* text : {&stored.about.subject, &stored.about.label}) {
        if (valid_utf8_prefix(*text) == text->size())
            continue;
        damaged("a subject or a label that is no UTF-8");
        text->clear();
    }
    seen.stored = std::move(stored);
    return seen;
}

std::optional<inspection> inspect(const failure& why)
{
    if (!is_unreadable(why.code))
        return std::nullopt;
    return inspection{.state = session_state::unreadable, .stored = {}, .other = {}, .data_size = 0, .why = why};
}

} // namespace coatcheck
