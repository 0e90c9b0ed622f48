#include "backends/memcached/codec.hpp"

#include "backends/memcached/binary.hpp"
#include "backends/memcached/text.hpp"

namespace coatcheck::memcached {

namespace {

constexpr std::size_t kept_capacity = std::size_t{256} << 10; // of the buffer, between replies
constexpr std::size_t worth_moving = std::size_t{64} << 10;

} // namespace

std::size_t command_size(const command& c) noexcept
{
    return c.form == wire::text ? text::size(c) : binary::size(c);
}

void append_command(std::string& out, const command& c)
{
    if (c.form == wire::text)
        text::append(out, c);
    else
        binary::append(out, c);
}

void reply_parser::drop_used()
{
    if (used_ == bytes_.size()) {
        bytes_.clear();
        if (bytes_.capacity() > kept_capacity)
            bytes_.shrink_to_fit();
        used_ = 0;
    } else if (used_ > worth_moving) {
        bytes_.erase(0, used_);
        used_ = 0;
    }
}

result<std::optional<reply>> reply_parser::next()
{
    drop_used();
    const auto left = std::string_view(bytes_).substr(used_);
    if (left.empty())
        return std::optional<reply>();
    if (!form_)
        form_ = left.front() == binary::reply_magic ? wire::binary : wire::text;
    std::size_t used = 0;
    auto parsed = *form_ == wire::text ? text::parse(left, used) : binary::parse(left, used);
    if (parsed && *parsed)
        used_ += used;
    return parsed;
}

} // namespace coatcheck::memcached
