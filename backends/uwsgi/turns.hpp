#pragma once
// A number of places that callers of one thread take and give back, in the order of their coming.

#include "backends/transport/runtime.hpp"
#include "backends/transport/time_limit.hpp"

#include <cstddef>
#include <list>
#include <memory>

namespace coatcheck::uwsgi {

class turns {
public:
    turns(executor on, std::size_t places) : on_(on), free_(places) {}

    // Waits for a place. False, without one, past `by` or if too many wait.
    awaitable<bool> take(deadline by);

    void give_back();

private:
    static constexpr std::size_t max_waiting = 4096;

    struct waiter {
        steady_timer until;
        bool granted = false;
    };

    executor on_;
    std::size_t free_; // 0 while anybody waits
    std::list<std::shared_ptr<waiter>> waiting_;
};

} // namespace coatcheck::uwsgi
