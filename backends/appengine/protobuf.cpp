#include "backends/appengine/protobuf.hpp"

#include <boost/endian/conversion.hpp>

#include <limits>

namespace coatcheck::appengine {

namespace {

constexpr unsigned deepest_group = 16;
constexpr unsigned max_field = (1U << 29U) - 1;

failure no_message(std::string_view why)
{
    return {errc::unavailable, "no protocol buffer: " + std::string(why)};
}

std::optional<std::uint64_t> take_varint(std::string_view& from) noexcept
{
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(from.front());
        from.remove_prefix(1);
        if (shift == 63 && byte > 1)
            return std::nullopt;
        value |= std::uint64_t{byte & 0x7fU} << shift;
        if (byte < 0x80)
            return value;
    }
    return std::nullopt;
}

template <class Number>
std::optional<std::uint64_t> take_fixed(std::string_view& from) noexcept
{
    if (from.size() < sizeof(Number))
        return std::nullopt;
    const auto value = boost::endian::endian_load<Number, sizeof(Number), boost::endian::order::little>(
        reinterpret_cast<const unsigned char*>(from.data()));
    from.remove_prefix(sizeof(Number));
    return value;
}

// A field as it stands; a group's tags are fields of their own here.
result<field> take_flat(std::string_view& from)
{
    const auto tag = take_varint(from);
    if (!tag || *tag >> 3U == 0 || *tag >> 3U > max_field)
        return no_message("a tag is none");
    field f;
    f.number = static_cast<unsigned>(*tag >> 3U);
    std::optional<std::uint64_t> number = 0;
    switch (*tag & 7U) {
    case 0:
        f.type = wire_type::varint;
        number = take_varint(from);
        break;
    case 1:
        f.type = wire_type::fixed64;
        number = take_fixed<std::uint64_t>(from);
        break;
    case 2:
        f.type = wire_type::length;
        number = take_varint(from);
        if (!number || *number > from.size())
            return no_message("a field is cut short");
        f.bytes = from.substr(0, *number);
        from.remove_prefix(f.bytes.size());
        break;
    case 3:
        f.type = wire_type::group;
        break;
    case 4:
        f.type = wire_type::end_group;
        break;
    case 5:
        f.type = wire_type::fixed32;
        number = take_fixed<std::uint32_t>(from);
        break;
    default:
        return no_message("a field's type is none");
    }
    if (!number)
        return no_message("a field is cut short");
    f.value = *number;
    return f;
}

// Takes all up to the end of the group that began with `begin`.
result<std::string_view> take_group(std::string_view& from, unsigned begin)
{
    const std::string_view content = from;
    unsigned open[deepest_group] = {begin};
    for (unsigned depth = 1;;) {
        if (from.empty())
            return no_message("a group is cut short");
        const std::size_t before = from.size();
        const auto f = take_flat(from);
        if (!f)
            return f.error();
        if (f->type == wire_type::group) {
            if (depth == deepest_group)
                return no_message("groups are nested too deep");
            open[depth++] = f->number;
        } else if (f->type == wire_type::end_group) {
            if (f->number != open[--depth])
                return no_message("a group ends another");
            if (depth == 0)
                return content.substr(0, content.size() - before);
        }
    }
}

} // namespace

void message::append_varint(std::uint64_t value)
{
    for (; value >= 0x80; value >>= 7U)
        bytes_ += static_cast<char>(value | 0x80U);
    bytes_ += static_cast<char>(value);
}

void message::append_tag(unsigned field, wire_type type)
{
    append_varint(std::uint64_t{field} << 3U | static_cast<unsigned>(type));
}

message& message::varint(unsigned field, std::uint64_t value)
{
    append_tag(field, wire_type::varint);
    append_varint(value);
    return *this;
}

message& message::fixed32(unsigned field, std::uint32_t value)
{
    append_tag(field, wire_type::fixed32);
    boost::endian::native_to_little_inplace(value);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
}

message& message::fixed64(unsigned field, std::uint64_t value)
{
    append_tag(field, wire_type::fixed64);
    boost::endian::native_to_little_inplace(value);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
}

message& message::bytes(unsigned field, std::string_view value)
{
    append_tag(field, wire_type::length);
    append_varint(value.size());
    bytes_.append(value);
    return *this;
}

message& message::group(unsigned field, const message& content)
{
    append_tag(field, wire_type::group);
    bytes_.append(content.bytes_);
    append_tag(field, wire_type::end_group);
    return *this;
}

result<std::optional<field>> field_reader::next()
{
    if (left_.empty())
        return std::optional<field>();
    auto f = take_flat(left_);
    if (!f)
        return f.error();
    if (f->type == wire_type::end_group)
        return no_message("a group ends that has not begun");
    if (f->type == wire_type::group) {
        const auto content = take_group(left_, f->number);
        if (!content)
            return content.error();
        f->bytes = *content;
    }
    return std::optional(*f);
}

} // namespace coatcheck::appengine
