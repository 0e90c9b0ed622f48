#include "backends/appengine/memcache.hpp"

#include "backends/appengine/protobuf.hpp"

namespace coatcheck::appengine {

namespace {

namespace call {
constexpr unsigned service = 2;
constexpr unsigned method = 3;
constexpr unsigned content = 4;
constexpr unsigned ticket = 5;
} // namespace call

namespace answer {
constexpr unsigned content = 1;
constexpr unsigned exception = 2;
constexpr unsigned application_error = 3;
constexpr unsigned java_exception = 4;
constexpr unsigned rpc_error = 5;
} // namespace answer

failure unreadable(std::string_view why)
{
    return {errc::unavailable, "no answer of App Engine's memcache: " + std::string(why)};
}

struct refusal_code {
    std::uint64_t code;
    std::string_view name;
    errc read;
    errc write;
};

constexpr refusal_code rpc_errors[] = {
    {0, "UNKNOWN", errc::unavailable, errc::timed_out},
    {1, "CALL_NOT_FOUND", errc::unavailable, errc::unavailable},
    {2, "PARSE_ERROR", errc::unavailable, errc::unavailable},
    {3, "SECURITY_VIOLATION", errc::unavailable, errc::unavailable},
    {4, "OVER_QUOTA", errc::unavailable, errc::unavailable},
    {5, "REQUEST_TOO_LARGE", errc::too_large, errc::too_large},
    {6, "CAPABILITY_DISABLED", errc::unavailable, errc::unavailable},
    {7, "FEATURE_DISABLED", errc::unavailable, errc::unavailable},
    {8, "BAD_REQUEST", errc::unavailable, errc::unavailable},
    {9, "RESPONSE_TOO_LARGE", errc::unavailable, errc::timed_out},
    {10, "CANCELLED", errc::unavailable, errc::timed_out},
    {11, "REPLAY_ERROR", errc::unavailable, errc::timed_out},
    {12, "DEADLINE_EXCEEDED", errc::timed_out, errc::timed_out},
};

constexpr refusal_code application_errors[] = {
    {1, "UNSPECIFIED_ERROR", errc::unavailable, errc::timed_out},
    {2, "NAMESPACE_NOT_SET", errc::unavailable, errc::unavailable},
    {3, "PERMISSION_DENIED", errc::unavailable, errc::unavailable},
    {6, "INVALID_VALUE", errc::unavailable, errc::unavailable},
    {9, "UNAVAILABLE", errc::unavailable, errc::unavailable},
};

// `error` is an RpcError or an ApplicationError: {code = 1; detail = 2}. Its detail is not told: it may repeat a
// ticket.
template <std::size_t n>
failure refusal(std::string_view error, const refusal_code (&known)[n], effect does)
{
    std::uint64_t code = 0;
    field_reader fields(error);
    for (;;) {
        const auto next = fields.next();
        if (!next)
            return {does == effect::writes ? errc::timed_out : errc::unavailable, next.error().detail};
        if (!*next)
            break;
        if ((*next)->number == 1 && (*next)->type == wire_type::varint)
            code = (*next)->value;
    }
    for (const auto& k : known)
        if (k.code == code)
            return {does == effect::writes ? k.write : k.read, "App Engine's memcache: " + std::string(k.name)};
    return {does == effect::writes ? errc::timed_out : errc::unavailable,
            "App Engine's memcache: error " + std::to_string(code)};
}

// What read_answer() finds, before errors are made of it.
struct parts {
    std::optional<std::string_view> content;
    std::optional<std::string_view> rpc_error;
    std::optional<std::string_view> application_error;
    bool exception = false;
};

result<parts> read_parts(std::string_view bytes)
{
    parts all;
    field_reader fields(bytes);
    for (;;) {
        const auto next = fields.next();
        if (!next)
            return next.error();
        if (!*next)
            return all;
        const field& f = **next;
        if (f.type != wire_type::length)
            continue;
        switch (f.number) {
        case answer::content:
            all.content = f.bytes;
            break;
        case answer::rpc_error:
            all.rpc_error = f.bytes;
            break;
        case answer::application_error:
            all.application_error = f.bytes;
            break;
        case answer::exception:
        case answer::java_exception:
            all.exception = true;
            break;
        default:
            break;
        }
    }
}

// An Item of a MemcacheGetResponse.
struct got_item {
    std::string_view key;
    std::optional<std::string_view> value;
    std::optional<std::uint64_t> cas_id;
};

result<got_item> read_item(std::string_view content)
{
    got_item got;
    field_reader fields(content);
    for (;;) {
        const auto next = fields.next();
        if (!next)
            return next.error();
        if (!*next)
            return got;
        const field& f = **next;
        if (f.number == 2 && f.type == wire_type::length)
            got.key = f.bytes;
        else if (f.number == 3 && f.type == wire_type::length)
            got.value = f.bytes;
        else if (f.number == 5 && f.type == wire_type::fixed64)
            got.cas_id = f.value;
    }
}

// A repeated enum, of which one is expected: a field of its own or packed.
result<std::uint64_t> read_status(const field& f)
{
    if (f.type == wire_type::varint)
        return f.value;
    // As a message of one varint, whose tag any field may have.
    const std::string as_message = std::string(1, '\x08').append(f.bytes);
    field_reader packed(as_message);
    const auto only =
        f.type == wire_type::length ? packed.next() : result<std::optional<field>>(std::optional<field>());
    if (!only)
        return only.error();
    const auto more = packed.next();
    if (!*only || !more || *more)
        return unreadable("a status is none");
    return (*only)->value;
}

constexpr std::uint64_t get_hit = 1;
constexpr std::uint64_t get_miss = 2;

} // namespace

std::string get_message(std::string_view name_space, std::string_view key)
{
    message m;
    m.bytes(1, key);
    if (!name_space.empty())
        m.bytes(2, name_space);
    m.varint(4, 1); // with the item's cas_id
    return m.str();
}

std::string set_message(std::string_view name_space, const item& what)
{
    message i;
    i.bytes(2, what.key).bytes(3, what.value).fixed32(4, 0); // flags: bytes, as they are
    i.varint(5, static_cast<std::uint64_t>(what.when)).fixed32(6, what.expiration);
    if (what.when == policy::cas)
        i.fixed64(8, what.cas_id).varint(9, 1);
    message m;
    m.group(1, i);
    if (!name_space.empty())
        m.bytes(7, name_space);
    return m.str();
}

std::string call_message(std::string_view method, std::string_view content, std::string_view ticket)
{
    message m;
    m.bytes(call::service, "memcache").bytes(call::method, method).bytes(call::content, content);
    if (!ticket.empty())
        m.bytes(call::ticket, ticket);
    return m.str();
}

result<std::string_view> read_answer(std::string_view bytes, effect does)
{
    const errc unclear = does == effect::writes ? errc::timed_out : errc::unavailable;
    const auto all = read_parts(bytes);
    if (!all)
        return failure{unclear, all.error().detail};
    if (all->rpc_error)
        return refusal(*all->rpc_error, rpc_errors, does);
    if (all->application_error)
        return refusal(*all->application_error, application_errors, does);
    if (all->exception || !all->content)
        return failure{unclear, unreadable(all->exception ? "an exception" : "it is empty").detail};
    return *all->content;
}

result<std::optional<found>> read_get(std::string_view content, std::string_view key)
{
    std::optional<found> wanted;
    std::uint64_t status = get_miss;
    field_reader fields(content);
    for (;;) {
        const auto next = fields.next();
        if (!next)
            return next.error();
        if (!*next)
            break;
        const field& f = **next;
        if (f.number == 1 && f.type == wire_type::group) {
            const auto got = read_item(f.bytes);
            if (!got)
                return got.error();
            if (got->key != key || !got->value || !got->cas_id)
                return unreadable("an item that was not asked for, or not all of it");
            wanted = found{*got->value, *got->cas_id};
        } else if (f.number == 7) {
            const auto said = read_status(f);
            if (!said)
                return said.error();
            status = *said;
        }
    }
    if (!wanted && status != get_miss)
        return unreadable(status == get_hit ? "a hit without its item"
                                            : "it could not look, status " + std::to_string(status));
    return wanted;
}

result<bool> read_set(std::string_view content)
{
    std::optional<std::uint64_t> status;
    field_reader fields(content);
    for (;;) {
        const auto next = fields.next();
        if (!next)
            return failure{errc::timed_out, next.error().detail};
        if (!*next)
            break;
        if ((*next)->number != 1)
            continue;
        const auto said = read_status(**next);
        if (!said || status)
            return failure{errc::timed_out, "a status of App Engine's memcache that is none, or one of many"};
        status = *said;
    }
    switch (status.value_or(0)) {
    case 1: // STORED
        return true;
    case 2: // NOT_STORED: there is something, or, for a CAS, nothing any more
    case 4: // EXISTS: with another cas_id
        return false;
    case 6: // UNREACHABLE
        return failure{errc::unavailable, "App Engine cannot reach the memcache"};
    default: // ERROR, DEADLINE_EXCEEDED, OTHER_ERROR, or none
        return failure{errc::timed_out, "App Engine's memcache: set status " + std::to_string(status.value_or(0))};
    }
}

} // namespace coatcheck::appengine
