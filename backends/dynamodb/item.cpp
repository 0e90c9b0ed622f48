#include "backends/dynamodb/item.hpp"

#include "proto/base64.hpp"

#include <boost/json.hpp>

#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace coatcheck::dynamodb {

namespace json = boost::json;

namespace {

constexpr std::uint64_t record_format = 1;

// Names and values with the longest numbers, of which DynamoDB counts half a byte a digit and some bytes more.
constexpr std::size_t number_size = 21;
constexpr std::size_t largest_head = sizeof("handle") + 43 + head_attributes.size() + 12 * number_size +
                                     max_subject_length + max_label_length + sizeof("expires_at") + number_size +
                                     sizeof("payload");
static_assert(max_payload + largest_head <= max_item);

// The text of an attribute of that type; nullopt if there is none, or one of another.
std::optional<std::string_view> value_of(const json::object& item, std::string_view name, std::string_view type)
{
    const auto* const attribute = item.if_contains({name.data(), name.size()});
    const auto* const typed = attribute != nullptr ? attribute->if_object() : nullptr;
    const auto* const value = typed != nullptr ? typed->if_contains({type.data(), type.size()}) : nullptr;
    if (value == nullptr || !value->is_string() || typed->size() != 1)
        return std::nullopt;
    return std::string_view(value->get_string().data(), value->get_string().size());
}

std::optional<std::uint64_t> number_of(const json::object& item, std::string_view name)
{
    const auto text = value_of(item, name, "N");
    std::uint64_t number = 0;
    if (!text)
        return std::nullopt;
    const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (ec != std::errc() || end != text->data() + text->size())
        return std::nullopt;
    return number;
}

// What the item has under that name; empty if it has nothing, nullopt if it is not bytes.
std::optional<std::string> bytes_of(const json::object& item, std::string_view name)
{
    if (!item.contains({name.data(), name.size()}))
        return std::string();
    const auto text = value_of(item, name, "B");
    if (!text)
        return std::nullopt;
    std::string bytes(text->size() / 4 * 3, '\0');
    const auto size = base64_decode(*text, bytes.data());
    if (!size)
        return std::nullopt;
    bytes.resize(*size);
    return bytes;
}

failure corrupt(std::string_view what)
{
    return {errc::corrupt, "the item's attribute " + std::string(what) + " is not a record's"};
}

} // namespace

void append_number(std::string& out, std::string_view name, std::uint64_t value)
{
    out.append(",\"").append(name).append("\":{\"N\":\"").append(std::to_string(value)).append("\"}");
}

void append_bytes(std::string& out, std::string_view name, std::string_view value)
{
    out.append(",\"").append(name).append("\":{\"B\":\"");
    const auto at = out.size();
    out.resize(at + base64_length(value.size()) + 1); // and a NUL
    base64_encode(value, out.data() + at);
    out.pop_back();
    out.append("\"}");
}

std::uint64_t expires_at(time_point keep_until)
{
    return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(keep_until).time_since_epoch().count());
}

std::array<number_attribute, 13> numbers_of(const head& about)
{
    const auto ms = [](time_point t) { return static_cast<std::uint64_t>(t.time_since_epoch().count()); };
    return {{{"record_format", record_format},
             {"kind", static_cast<std::uint64_t>(about.what)},
             {"revision", about.revision},
             {"data_version", about.data_version.bits},
             {"created", ms(about.created)},
             {"last_seen", ms(about.last_seen)},
             {"expires", ms(about.expires)},
             {"absolute_end", ms(about.absolute_end)},
             {"keep_until", ms(about.keep_until)},
             {"idle", static_cast<std::uint64_t>(about.idle.count())},
             {"lock_token", about.lock_token},
             {"locked_until", ms(about.locked_until)},
             {"expires_at", expires_at(about.keep_until)}}};
}

result<head> head_of(const json::object& item)
{
    const auto format = number_of(item, "record_format");
    if (!format || *format == 0)
        return corrupt("record_format");
    if (*format > record_format)
        return failure{errc::newer_format, "record format " + std::to_string(*format)};

    head h;
    const auto what = number_of(item, "kind");
    if (!what || *what < static_cast<std::uint64_t>(kind::live) || *what > static_cast<std::uint64_t>(kind::pending))
        return corrupt("kind");
    h.what = static_cast<kind>(*what);
    std::uint64_t idle = 0;
    const std::pair<std::string_view, std::uint64_t&> numbers[] = {
        {"revision", h.revision}, {"data_version", h.data_version.bits}, {"lock_token", h.lock_token}, {"idle", idle}};
    for (const auto& [name, to] : numbers) {
        const auto n = number_of(item, name);
        if (!n)
            return corrupt(name);
        to = *n;
    }
    if (idle > std::numeric_limits<std::uint32_t>::max())
        return corrupt("idle");
    h.idle = std::chrono::seconds(idle);
    const std::pair<std::string_view, time_point&> times[] = {
        {"created", h.created},           {"last_seen", h.last_seen},   {"expires", h.expires},
        {"absolute_end", h.absolute_end}, {"keep_until", h.keep_until}, {"locked_until", h.locked_until}};
    for (const auto& [name, to] : times) {
        const auto n = number_of(item, name);
        if (!n || *n > static_cast<std::uint64_t>(never.time_since_epoch().count()))
            return corrupt(name);
        to = time_point(std::chrono::milliseconds(*n));
    }
    const std::pair<std::string_view, std::string&> texts[] = {{"subject", h.subject}, {"label", h.label}};
    for (const auto& [name, to] : texts) {
        auto bytes = bytes_of(item, name);
        if (!bytes)
            return corrupt(name);
        to = *std::move(bytes);
    }
    return h;
}

result<std::string> payload_of(const json::object& item)
{
    auto bytes = bytes_of(item, "payload");
    if (!bytes)
        return corrupt("payload");
    return *std::move(bytes);
}

std::uint64_t revision_of(const json::object& item)
{
    return number_of(item, "revision").value_or(0);
}

} // namespace coatcheck::dynamodb
