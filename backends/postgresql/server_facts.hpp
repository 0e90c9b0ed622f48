#pragma once
// What the server said about itself when last connected to.

#include "backends/backend.hpp"

#include <mutex>
#include <string>

namespace coatcheck::postgresql {

struct durability {
    bool known = false;
    std::string synchronous_commit; // the setting, as in the session that writes
    bool fsync = true;
    bool has_synchronous_standbys = false;
    bool table_is_unlogged = false;

    bool durable() const noexcept;
    acknowledgement acknowledges() const;
};

// Thread safe.
class server_facts {
public:
    void set(durability d)
    {
        const std::lock_guard hold(mutex_);
        says_ = std::move(d);
    }
    durability get() const
    {
        const std::lock_guard hold(mutex_);
        return says_;
    }

private:
    mutable std::mutex mutex_;
    durability says_;
};

} // namespace coatcheck::postgresql
