#include "backends/mongodb/record_document.hpp"

#include <array>
#include <optional>
#include <utility>

namespace coatcheck::mongodb {

namespace {

constexpr std::int64_t format = 1;

constexpr std::array kinds{
    std::pair{kind::live, std::string_view("live")}, std::pair{kind::ended, std::string_view("ended")},
    std::pair{kind::alias, std::string_view("alias")}, std::pair{kind::pending, std::string_view("pending")}};

constexpr std::array<std::pair<const char*, time_point head::*>, 5> times{{{"created", &head::created},
                                                                           {"last_seen", &head::last_seen},
                                                                           {"expires", &head::expires},
                                                                           {"keep_until", &head::keep_until},
                                                                           {"locked_until", &head::locked_until}}};

constexpr std::array<std::pair<const char*, std::string head::*>, 2> texts{
    {{"subject", &head::subject}, {"label", &head::label}}};

std::int64_t as_signed(std::uint64_t bits) noexcept
{
    return static_cast<std::int64_t>(bits);
}

// As text where it is some, so that operators can read and look for it.
void add_bytes(bson_document& to, std::string_view name, std::string_view bytes)
{
    if (bson_utf8_validate(bytes.data(), bytes.size(), false))
        to.add_text(name, bytes);
    else
        to.add_binary(name, bytes);
}

// Not an optional: a template would drop the alignment of libbson's type.
struct field {
    bson_iter_t at;
    bool there;

    field(const bson_t& in, const char* name) : there(bson_iter_init_find(&at, &in, name)) {}
    bson_type_t type() const { return there ? bson_iter_type(&at) : BSON_TYPE_EOD; }
};

failure no_record(const char* field)
{
    return {errc::corrupt, std::string("mongodb: a document without a usable field '") + field + "'"};
}

// A number without a fraction, whatever type somebody's shell gave it.
std::optional<std::int64_t> find_number(const bson_t& in, const char* name)
{
    const field found(in, name);
    if (found.type() == BSON_TYPE_INT32 || found.type() == BSON_TYPE_INT64)
        return bson_iter_as_int64(&found.at);
    if (found.type() != BSON_TYPE_DOUBLE)
        return std::nullopt;
    constexpr double exact = 9007199254740992.0; // 2^53
    const double value = bson_iter_double(&found.at);
    if (!(value >= -exact && value <= exact) || static_cast<double>(static_cast<std::int64_t>(value)) != value)
        return std::nullopt;
    return static_cast<std::int64_t>(value);
}

bool is_time(std::int64_t ms) noexcept
{
    return ms >= 0 && ms <= never.time_since_epoch().count();
}

std::optional<time_point> find_time(const bson_t& in, const char* name)
{
    const field found(in, name);
    if (found.type() != BSON_TYPE_DATE_TIME || !is_time(bson_iter_date_time(&found.at)))
        return std::nullopt;
    return time_point{std::chrono::milliseconds{bson_iter_date_time(&found.at)}};
}

std::optional<std::string_view> binary_of(const field& found)
{
    if (found.type() != BSON_TYPE_BINARY)
        return std::nullopt;
    bson_subtype_t subtype{};
    std::uint32_t size = 0;
    const std::uint8_t* bytes = nullptr;
    bson_iter_binary(&found.at, &subtype, &size, &bytes);
    return std::string_view(reinterpret_cast<const char*>(bytes), size);
}

std::optional<std::string> find_bytes(const bson_t& in, const char* name)
{
    const field found(in, name);
    if (found.type() == BSON_TYPE_UTF8) {
        std::uint32_t size = 0;
        const char* text = bson_iter_utf8(&found.at, &size);
        return std::string(text, size);
    }
    const auto bytes = binary_of(found);
    return bytes ? std::optional(std::string(*bytes)) : std::nullopt;
}

std::optional<kind> find_kind(const bson_t& in)
{
    const auto name = find_bytes(in, "kind");
    for (const auto& [what, spelt] : kinds)
        if (name == spelt)
            return what;
    return std::nullopt;
}

// Null means never: a date so late cannot be shown.
std::optional<time_point> find_absolute_end(const bson_t& in)
{
    if (field(in, "absolute_end").type() == BSON_TYPE_NULL)
        return never;
    return find_time(in, "absolute_end");
}

} // namespace

void add_head(bson_document& to, const head& about)
{
    to.add("format", format);
    for (const auto& [what, spelt] : kinds)
        if (what == about.what)
            to.add_text("kind", spelt);
    to.add("revision", as_signed(about.revision)).add("version", as_signed(about.data_version.bits));
    for (const auto& [name, member] : times)
        to.add(name, about.*member);
    if (about.absolute_end == never)
        to.add_null("absolute_end");
    else
        to.add("absolute_end", about.absolute_end);
    to.add("idle_s", std::int64_t{about.idle.count()}).add("lock_token", as_signed(about.lock_token));
    for (const auto& [name, member] : texts)
        add_bytes(to, name, about.*member);
}

void add_record(bson_document& to, std::string_view name, const head& about, std::string_view payload)
{
    to.add_text("_id", name);
    add_head(to, about);
    to.add_binary("payload", payload);
}

// The revision alone would not do: a record that is past its keep_until may have been replaced by one that begins to
// count anew.
void add_filter(bson_document& to, std::string_view name, const result<head>& as_read)
{
    to.add_text("_id", name);
    if (as_read)
        to.add("revision", as_signed(as_read->revision))
            .add("version", as_signed(as_read->data_version.bits))
            .add("keep_until", as_read->keep_until);
}

result<head> read_head(const bson_t& from)
{
    const auto written_as = find_number(from, "format");
    if (written_as > format)
        return failure{errc::newer_format, "mongodb: a record of format " + std::to_string(*written_as)};
    if (written_as != format)
        return no_record("format");

    head h;
    const auto what = find_kind(from);
    if (!what)
        return no_record("kind");
    h.what = *what;
    for (const auto& [name, member] : times) {
        const auto t = find_time(from, name);
        if (!t)
            return no_record(name);
        h.*member = *t;
    }
    const auto absolute_end = find_absolute_end(from);
    if (!absolute_end)
        return no_record("absolute_end");
    h.absolute_end = *absolute_end;
    for (const auto& [name, to] :
         {std::pair{"revision", &h.revision}, {"version", &h.data_version.bits}, {"lock_token", &h.lock_token}}) {
        const auto number = find_number(from, name);
        if (!number)
            return no_record(name);
        *to = static_cast<std::uint64_t>(*number);
    }
    const auto idle = find_number(from, "idle_s");
    if (!idle || *idle < 0 || !is_time(*idle))
        return no_record("idle_s");
    h.idle = std::chrono::seconds{*idle};
    for (const auto& [name, member] : texts) {
        auto bytes = find_bytes(from, name);
        if (!bytes)
            return no_record(name);
        h.*member = *std::move(bytes);
    }
    return h;
}

result<std::string> read_payload(const bson_t& from)
{
    const auto bytes = binary_of(field(from, "payload"));
    if (!bytes)
        return no_record("payload");
    return std::string(*bytes);
}

} // namespace coatcheck::mongodb
