#include "backends/memory/shard.hpp"

namespace coatcheck::memory {

shard::~shard()
{
    for (stored_record* r : index_)
        stored_record::deleter()(r);
}

stored_record* shard::find(const handle& name) noexcept
{
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : *found;
}

void shard::link(stored_record& r)
{
    if (r.what() == kind::ended) {
        ended_.push_back(r);
    } else {
        live_.push_back(r);
        by_expiry_.insert(r);
    }
}

void shard::unlink(stored_record& r) noexcept
{
    if (r.what() == kind::ended) {
        ended_.erase(ended_.iterator_to(r));
    } else {
        live_.erase(live_.iterator_to(r));
        by_expiry_.erase(by_expiry_.iterator_to(r));
    }
}

void shard::replace(stored_record* old, stored_record::owner next)
{
    if (old != nullptr) {
        index_.erase(old);
        unlink(*old);
        stored_record::deleter()(old);
    }
    index_.insert(next.get());
    link(*next.release());
}

void shard::set(stored_record& r, const head& about)
{
    unlink(r);
    r.set(about);
    link(r);
}

void shard::used(stored_record& r) noexcept
{
    if (r.what() != kind::ended)
        live_.splice(live_.end(), live_, live_.iterator_to(r));
}

std::size_t shard::drop(stored_record& r)
{
    const std::size_t cost = r.cost();
    const auto freed = -static_cast<std::ptrdiff_t>(cost);
    if (r.what() == kind::ended)
        sums_.add(0, freed);
    else
        sums_.add(freed, 0);
    index_.erase(&r);
    unlink(r);
    stored_record::deleter()(&r);
    return cost;
}

// Records are kept for about the same time after they end, so the first to end are the first to be forgotten; one that
// is kept longer than those behind it delays them, and refusal() minds keep_until itself.
std::size_t shard::drop_forgotten(time_point now, std::size_t count)
{
    std::size_t dropped = 0;
    for (; dropped < count && !ended_.empty() && ended_.front().keep_until() <= now; ++dropped)
        drop(ended_.front());
    for (; dropped < count && !by_expiry_.empty() && by_expiry_.begin()->keep_until() <= now; ++dropped)
        drop(*by_expiry_.begin());
    return dropped;
}

std::size_t shard::drop_expired(time_point now, std::size_t bytes)
{
    std::size_t freed = 0;
    while (freed < bytes && !ended_.empty() && ended_.front().keep_until() <= now)
        freed += drop(ended_.front());
    while (freed < bytes && !by_expiry_.empty() && by_expiry_.begin()->expires() <= now)
        freed += drop(*by_expiry_.begin());
    return freed;
}

std::size_t shard::drop_least_used(std::size_t bytes, const handle& spare)
{
    std::size_t freed = 0;
    for (auto next = live_.begin(); freed < bytes && next != live_.end();) {
        stored_record& r = *next++;
        if (r.name() != spare)
            freed += drop(r);
    }
    return freed;
}

std::size_t shard::drop_oldest_ended(std::size_t bytes)
{
    std::size_t freed = 0;
    while (freed < bytes && !ended_.empty())
        freed += drop(ended_.front());
    return freed;
}

} // namespace coatcheck::memory
