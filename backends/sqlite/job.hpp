#pragma once
// A write on its way to the writer thread and back.

#include "backends/backend.hpp"

#include <functional>
#include <list>
#include <memory>

namespace coatcheck::sqlite {

class sessions_table;

struct job {
    // Set by the caller, then the writer's: what to do inside the transaction. It owns all that it needs, because a
    // caller whose deadline passes goes away before it has run.
    std::function<result<write>(sessions_table&)> run;
    bool grows = true;      // false: works on a full disk too
    std::size_t size = 0;   // bytes that it holds in the queue, about
    std::size_t thread = 0; // of the runtime; the caller's
    deadline by;
    result<write> answer = write{}; // the writer's, until it gives the job back

    // The caller's thread's: goes on with the caller; empty once that has happened.
    std::function<void(result<write>)> resume;
    std::list<std::shared_ptr<job>>::iterator place;
};

using job_ptr = std::shared_ptr<job>;

} // namespace coatcheck::sqlite
