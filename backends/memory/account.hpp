#pragma once
// The bytes that a store's records cost, against its bound.

#include <cstddef>
#include <mutex>

namespace coatcheck::memory {

// Live records never use the last sixteenth of the bound, so that there is room for tombstones whenever a session ends.
// Thread safe; called with a shard's lock held and takes none itself but its own.
class account {
public:
    explicit account(std::size_t bound) : bound_(bound), live_bound_(bound - bound / 16) {}

    std::size_t live_bound() const noexcept { return live_bound_; }

    // Adds to both sums and says true; or false, with nothing changed, if one grows that must not. What shrinks the
    // total and adds no live bytes is always granted.
    bool add(std::ptrdiff_t live, std::ptrdiff_t ended)
    {
        const std::lock_guard hold(mutex_);
        const std::size_t live_then = live_ + static_cast<std::size_t>(live);
        const std::size_t total_then = live_then + ended_ + static_cast<std::size_t>(ended);
        if ((live > 0 && live_then > live_bound_) || (live + ended > 0 && total_then > bound_))
            return false;
        live_ = live_then;
        ended_ += static_cast<std::size_t>(ended);
        return true;
    }

    // The same past the bound: for a tombstone that found none to replace.
    void add_ended(std::size_t bytes)
    {
        const std::lock_guard hold(mutex_);
        ended_ += bytes;
    }

    // Whether `bytes` of live records would fit if there were no tombstones beyond their reserve.
    bool live_fits(std::size_t bytes) const
    {
        const std::lock_guard hold(mutex_);
        return live_ + bytes <= live_bound_;
    }

    std::size_t total() const
    {
        const std::lock_guard hold(mutex_);
        return live_ + ended_;
    }

private:
    const std::size_t bound_;
    const std::size_t live_bound_;
    mutable std::mutex mutex_;
    std::size_t live_ = 0;
    std::size_t ended_ = 0;
};

} // namespace coatcheck::memory
