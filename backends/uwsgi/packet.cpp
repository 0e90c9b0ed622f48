#include "backends/uwsgi/packet.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <limits>

namespace coatcheck::uwsgi {

namespace {

constexpr char cache_plugin = 111;
constexpr char by_name = 17;
constexpr std::size_t header_length = 4;
constexpr std::array<std::string_view, 4> command_names{"get", "set", "update", "del"};

void append_length(std::size_t length, std::string& out)
{
    assert(length <= std::numeric_limits<std::uint16_t>::max());
    out += static_cast<char>(length & 0xffU);
    out += static_cast<char>(length >> 8U);
}

std::size_t length_at(std::string_view bytes) noexcept
{
    return static_cast<unsigned char>(bytes[0]) | std::size_t{static_cast<unsigned char>(bytes[1])} << 8U;
}

void append_variable(std::string_view name, std::string_view value, std::string& out)
{
    append_length(name.size(), out);
    out.append(name);
    append_length(value.size(), out);
    out.append(value);
}

// The next length and its bytes, taken off `from`; nothing if they are cut short.
std::optional<std::string_view> take_text(std::string_view& from) noexcept
{
    if (from.size() < 2 || from.size() - 2 < length_at(from))
        return std::nullopt;
    const auto text = from.substr(2, length_at(from));
    from.remove_prefix(2 + text.size());
    return text;
}

failure no_reply(std::string_view why)
{
    return {errc::unavailable, "no reply of a uWSGI cache: " + std::string(why)};
}

} // namespace

void append(const request& r, std::string& out)
{
    std::string variables;
    append_variable("cmd", command_names.at(static_cast<std::size_t>(r.what)), variables);
    append_variable("key", r.key, variables);
    append_variable("cache", r.cache, variables);
    const bool writes = r.what == command::set || r.what == command::update;
    if (writes) {
        append_variable("size", std::to_string(r.value.size()), variables);
        append_variable("expires", std::to_string(r.lifetime.count()), variables);
    }
    out.reserve(out.size() + header_length + variables.size() + r.value.size());
    out += cache_plugin;
    append_length(variables.size(), out);
    out += by_name;
    out.append(variables);
    if (writes)
        out.append(r.value);
}

result<bool> reply_parser::feed(std::string_view bytes)
{
    while (!head_read_) {
        const std::size_t wanted =
            head_.size() < header_length ? header_length : header_length + length_at(std::string_view(head_).substr(1));
        const auto taken = bytes.substr(0, wanted - head_.size());
        head_.append(taken);
        bytes.remove_prefix(taken.size());
        if (head_.size() < wanted)
            return false;
        if (head_[0] != cache_plugin || head_[3] != by_name)
            return no_reply("it is of another protocol");
        if (head_.size() < header_length + length_at(std::string_view(head_).substr(1)))
            continue;
        if (const auto read = read_head(); !read)
            return read.error();
        head_read_ = true;
    }
    if (bytes.size() > size_ - (value_ ? value_->size() : 0))
        return no_reply("there is more than it announces");
    if (value_)
        value_->append(bytes);
    return !value_ || value_->size() == size_;
}

result<void> reply_parser::read_head()
{
    auto left = std::string_view(head_).substr(header_length);
    std::string_view status;
    while (!left.empty()) {
        const auto name = take_text(left);
        const auto value = name ? take_text(left) : std::nullopt;
        if (!value)
            return no_reply("a variable is cut short");
        if (*name == "status") {
            status = *value;
        } else if (*name == "size") {
            const auto [end, ec] = std::from_chars(value->data(), value->data() + value->size(), size_);
            if (ec != std::errc() || end != value->data() + value->size() || size_ > limit_)
                return no_reply("its size is none, or too large");
            value_.emplace();
        }
    }
    if (status != "ok")
        return no_reply("its status is not ok");
    return {};
}

} // namespace coatcheck::uwsgi
