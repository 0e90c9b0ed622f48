#include "server/event_log.hpp"

#include "proto/random.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

namespace coatcheck {

namespace {

std::string make_start()
{
    char text[18];
    std::snprintf(text, sizeof text, "%016llx-", static_cast<unsigned long long>(random_uint64()));
    return text;
}

} // namespace

event_log::event_log(std::size_t capacity) : capacity_(capacity), start_(make_start()) {}

void event_log::add(event e)
{
    const std::lock_guard lock(mutex_);
    e.number = next_;
    if (ring_.size() < capacity_)
        ring_.push_back(std::move(e));
    else
        std::swap(ring_[(next_ - 1) % capacity_], e); // what it replaces is freed outside of the lock
    ++next_;
    for (auto* r : readers_)
        if (std::exchange(r->waits_, false))
            r->wake_();
}

std::string event_log::cursor_of(std::uint64_t number) const
{
    return start_ + std::to_string(number);
}

std::optional<std::uint64_t> event_log::number_of(std::string_view cursor) const noexcept
{
    if (!cursor.starts_with(start_))
        return std::nullopt;
    cursor.remove_prefix(start_.size());
    std::uint64_t number = 0;
    const auto [end, ec] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), number);
    if (ec != std::errc{} || end != cursor.data() + cursor.size())
        return std::nullopt;
    return number;
}

std::unique_ptr<event_log::reader> event_log::open(std::optional<std::string_view> after, std::function<void()> wake)
{
    std::unique_ptr<reader> r(new reader(*this, std::move(wake)));
    const auto number = after ? number_of(*after) : std::nullopt;
    const std::lock_guard lock(mutex_);
    if (readers_.size() >= max_readers)
        return nullptr;
    if (!after)
        r->next_ = next_;
    else if (number && *number < next_ && *number + 1 >= oldest())
        r->next_ = *number + 1;
    else {
        r->next_ = oldest();
        r->gap_ = true;
    }
    readers_.push_back(r.get());
    return r;
}

event_log::reader::~reader()
{
    const std::lock_guard lock(log_.mutex_);
    std::erase(log_.readers_, this);
}

event_log::reader::outcome event_log::reader::read(std::vector<event>& out, std::size_t most)
{
    const std::lock_guard lock(log_.mutex_);
    if (next_ < log_.oldest())
        return outcome::overrun;
    waits_ = next_ == log_.next_;
    if (waits_)
        return outcome::none;
    for (; most > 0 && next_ < log_.next_; --most)
        out.push_back(log_.ring_[(next_++ - 1) % log_.capacity_]);
    return outcome::some;
}

} // namespace coatcheck
