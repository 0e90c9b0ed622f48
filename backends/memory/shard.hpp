#pragma once
// One part of the store: the records whose handles fall to it, under one mutex.

#include "backends/memory/account.hpp"
#include "backends/memory/stored_record.hpp"

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <cstddef>
#include <mutex>

namespace coatcheck::memory {

// Every member but mutex() is called with mutex() held.
class shard {
public:
    explicit shard(account& sums) noexcept : sums_(sums) {}
    ~shard();
    shard(const shard&) = delete;
    shard& operator=(const shard&) = delete;

    std::mutex& mutex() noexcept { return mutex_; }

    // Null if there is none. Stays valid until the record is replaced or dropped.
    stored_record* find(const handle& name) noexcept;

    // Puts `next` into the place of `old`, which may be null. The caller has changed the account.
    void replace(stored_record* old, stored_record::owner next);

    // Takes another head (stored_record::set).
    void set(stored_record& r, const head& about);

    // Makes `r` the last that drop_least_used would take.
    void used(stored_record& r) noexcept;

    // Removes up to `count` records past their keep_until; how many there were.
    std::size_t drop_forgotten(time_point now, std::size_t count);

    // Each removes records until `bytes` are free or it finds no more; the bytes that came free. `spare` stays.
    std::size_t drop_expired(time_point now, std::size_t bytes); // still remembered or not
    std::size_t drop_least_used(std::size_t bytes, const handle& spare);
    std::size_t drop_oldest_ended(std::size_t bytes);

private:
    struct hash {
        using is_transparent = void;
        std::size_t operator()(const handle& name) const noexcept { return std::hash<handle>()(name); }
        std::size_t operator()(const stored_record* r) const noexcept { return (*this)(r->name()); }
    };
    struct same_name {
        using is_transparent = void;
        bool operator()(const handle& a, const stored_record* b) const noexcept { return a == b->name(); }
        bool operator()(const stored_record* a, const handle& b) const noexcept { return a->name() == b; }
        bool operator()(const stored_record* a, const stored_record* b) const noexcept { return a == b; }
    };
    struct sooner {
        bool operator()(const stored_record& a, const stored_record& b) const noexcept
        {
            return a.expires() < b.expires();
        }
    };
    using order =
        intrusive::list<stored_record, intrusive::base_hook<order_hook>, intrusive::constant_time_size<false>>;
    using expiry_order = intrusive::multiset<stored_record, intrusive::base_hook<expiry_hook>,
                                             intrusive::compare<sooner>, intrusive::constant_time_size<false>>;

    void link(stored_record& r);
    void unlink(stored_record& r) noexcept;
    std::size_t drop(stored_record& r);

    std::mutex mutex_;
    account& sums_;
    boost::unordered_flat_set<stored_record*, hash, same_name> index_; // owns
    order live_;                                                       // the one used longest ago first
    expiry_order by_expiry_;                                           // the same records
    order ended_;                                                      // tombstones, the oldest first
};

} // namespace coatcheck::memory
