#pragma once
// A write on its way to the writer thread and back.

#include "backends/backend.hpp"
#include "backends/transport/waiters.hpp"

#include <functional>
#include <memory>

namespace coatcheck::sqlite {

class sessions_table;

struct job : waiting_call {
    // Set by the caller, then the writer's: what to do inside the transaction. It owns all that it needs, because a
    // caller whose deadline passes goes away before it has run.
    std::function<result<write>(sessions_table&)> run;
    bool grows = true;              // false: works on a full disk too
    std::size_t size = 0;           // bytes that it holds in the queue, about
    std::size_t thread = 0;         // of the runtime; the caller's
    result<write> answer = write{}; // the writer's, until it gives the job back
};

using job_ptr = std::shared_ptr<job>;

} // namespace coatcheck::sqlite
