#include "backends/memcached/binary.hpp"

#include <boost/endian/conversion.hpp>

#include <array>

namespace coatcheck::memcached::binary {

namespace {

using type = reply::type;
using family = reply::family;
using boost::endian::load_big_u16;
using boost::endian::load_big_u32;
using boost::endian::load_big_u64;

constexpr char request_magic = '\x80';
constexpr std::size_t header_size = 24;

enum class opcode : std::uint8_t {
    get = 0x00,
    add = 0x02,
    replace = 0x03,
    remove = 0x04,
    noop = 0x0a,
    stat = 0x10,
    sasl_mechanisms = 0x20,
    sasl_authenticate = 0x21,
};

enum status : std::uint16_t {
    success = 0x00,
    key_not_found = 0x01,
    key_exists = 0x02,
    value_too_large = 0x03,
    item_not_stored = 0x05,
    authentication_error = 0x20,
    unknown_command = 0x81,
    out_of_memory = 0x82,
};

template <class Integer>
void append_integer(std::string& out, Integer value)
{
    boost::endian::native_to_big_inplace(value);
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

struct request {
    opcode what;
    std::string_view extras = {};
    std::string_view key = {};
    std::string_view value = {};
    std::uint32_t opaque = 0;
    std::uint64_t cas = 0;
};

void append_request(std::string& out, const request& r)
{
    out += request_magic;
    out += static_cast<char>(r.what);
    append_integer(out, static_cast<std::uint16_t>(r.key.size()));
    out += static_cast<char>(r.extras.size());
    out.append(3, '\0'); // data type and bucket
    append_integer(out, static_cast<std::uint32_t>(r.extras.size() + r.key.size() + r.value.size()));
    append_integer(out, r.opaque);
    append_integer(out, r.cas);
    out.append(r.extras).append(r.key).append(r.value);
}

std::optional<family> family_of(opcode what) noexcept
{
    switch (what) {
    case opcode::get:
        return family::get;
    case opcode::add:
    case opcode::replace:
        return family::store;
    case opcode::remove:
        return family::remove;
    case opcode::noop:
        return family::ping;
    case opcode::stat:
    case opcode::sasl_mechanisms:
    case opcode::sasl_authenticate:
        return family::other;
    }
    return std::nullopt;
}

type kind_of_success(opcode what, bool has_key) noexcept
{
    switch (what) {
    case opcode::get:
        return type::value;
    case opcode::noop:
        return type::alive;
    case opcode::stat:
        return has_key ? type::statistic : type::statistics_end;
    case opcode::sasl_mechanisms:
        return type::mechanisms;
    default:
        return type::done;
    }
}

type kind_of_failure(opcode what, std::uint16_t status) noexcept
{
    switch (status) {
    case key_not_found:
        return type::missing;
    case key_exists:
        return what == opcode::add ? type::exists : type::changed;
    case item_not_stored:
        return what == opcode::add ? type::exists : type::missing;
    case value_too_large:
        return type::too_large;
    case out_of_memory:
        return type::full;
    case authentication_error:
        return type::unauthorized;
    case unknown_command:
        return type::refused;
    default:
        return type::error;
    }
}

failure no_reply(std::string_view why)
{
    return {errc::unavailable, std::string("no reply of memcached: ").append(why)};
}

} // namespace

std::size_t size(const command& c) noexcept
{
    constexpr std::size_t extras = 8;
    return header_size + extras + c.key.size() + c.value.size();
}

void append(std::string& out, const command& c)
{
    switch (c.what) {
    case command::verb::get:
        append_request(out, {.what = opcode::get, .key = c.key, .opaque = c.opaque});
        break;
    case command::verb::add:
    case command::verb::swap: {
        // SET with a CAS unique would delete the old value where there is no memory for the new one; REPLACE leaves it.
        const bool adds = c.what == command::verb::add;
        std::array<char, 8> extras{}; // flags, lifetime
        boost::endian::store_big_u32(reinterpret_cast<unsigned char*>(extras.data() + 4), c.exptime);
        append_request(out, {.what = adds ? opcode::add : opcode::replace,
                             .extras = {extras.data(), extras.size()},
                             .key = c.key,
                             .value = c.value,
                             .opaque = c.opaque,
                             .cas = adds ? 0 : c.cas});
        break;
    }
    case command::verb::remove:
    case command::verb::bury:
        append_request(out, {.what = opcode::remove, .key = c.key, .opaque = c.opaque, .cas = c.cas});
        break;
    case command::verb::ping:
        append_request(out, {.what = opcode::noop, .opaque = c.opaque});
        break;
    }
}

void append_mechanisms_request(std::string& out)
{
    append_request(out, {.what = opcode::sasl_mechanisms});
}

void append_plain_authentication(std::string& out, std::string_view user, std::string_view password)
{
    const auto message = std::string(1, '\0').append(user).append(1, '\0').append(password); // RFC 4616
    append_request(out, {.what = opcode::sasl_authenticate, .key = "PLAIN", .value = message});
}

void append_statistics_request(std::string& out, std::string_view group)
{
    append_request(out, {.what = opcode::stat, .key = group});
}

result<std::optional<reply>> parse(std::string_view bytes, std::size_t& used)
{
    used = 0;
    if (!bytes.empty() && bytes.front() != reply_magic)
        return no_reply("another protocol's");
    if (bytes.size() < header_size)
        return std::optional<reply>();
    const auto* const header = reinterpret_cast<const unsigned char*>(bytes.data());
    const auto what = static_cast<opcode>(header[1]);
    const std::size_t key = load_big_u16(header + 2);
    const std::size_t extras = header[4];
    const auto status = load_big_u16(header + 6);
    const std::size_t body = load_big_u32(header + 8);
    const auto answers = family_of(what);
    if (!answers)
        return no_reply("to a command that was not sent");
    if (extras + key > body || body > extras + key + max_value)
        return no_reply("a length that does not fit");
    if (bytes.size() < header_size + body)
        return std::optional<reply>();
    used = header_size + body;
    reply r;
    r.what = status == success ? kind_of_success(what, key != 0) : kind_of_failure(what, status);
    r.answers = *answers;
    r.opaque = load_big_u32(header + 12);
    r.cas = load_big_u64(header + 16);
    r.name = bytes.substr(header_size + extras, key);
    r.text = bytes.substr(header_size + extras + key, body - extras - key);
    return std::optional(r);
}

} // namespace coatcheck::memcached::binary
