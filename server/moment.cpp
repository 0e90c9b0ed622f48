#include "server/moment.hpp"

#include "proto/timestamp.hpp"

#include <algorithm>

namespace coatcheck {

std::optional<time_point> parse_moment(std::string_view text)
{
    const auto t = parse_rfc3339(text);
    if (!t)
        return std::nullopt;
    const time_point moment{std::chrono::seconds(t->seconds) +
                            std::chrono::ceil<std::chrono::milliseconds>(std::chrono::nanoseconds(t->nanoseconds))};
    return std::max(moment, time_point{});
}

std::string in_rfc3339(time_point t)
{
    const auto second = std::chrono::floor<std::chrono::seconds>(t);
    const std::chrono::nanoseconds rest = t - second;
    std::string text(rfc3339_max_length, '\0');
    text.resize(
        write_rfc3339({second.time_since_epoch().count(), static_cast<std::uint32_t>(rest.count())}, text.data()));
    return text;
}

} // namespace coatcheck
