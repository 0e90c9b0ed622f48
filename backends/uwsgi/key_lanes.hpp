#pragma once
// One thing at a time for each key, whichever threads ask for it: what makes "read, compare, write" one step among the
// callers of this daemon.

#include "backends/transport/waiters.hpp"
#include "proto/session_id.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

namespace coatcheck::uwsgi {

// A key belongs to the thread that its handle's hash picks; what is to be done for it is done there, in the order of
// its coming. No mutex is needed, and none is held while something waits.
class key_lanes {
public:
    using work = std::function<awaitable<result<bool>>()>;

    // `threads` must outlive the lanes.
    explicit key_lanes(runtime& threads);

    // Lets go of every waiting caller. The runtime must not be running any more.
    ~key_lanes();
    key_lanes(const key_lanes&) = delete;
    key_lanes& operator=(const key_lanes&) = delete;

    // Does `what` on the key's thread and resumes on the calling one, which must be of the runtime. `what` must own
    // what it uses: a caller whose deadline passes goes on with errc::timed_out, while the key stays taken until `what`
    // is done. What is late before it begins is not begun. errc::unavailable if too many wait.
    awaitable<result<bool>> run(const handle& key, work what, deadline by);

private:
    struct call;
    struct lane;

    static void submit(const std::shared_ptr<lane>& to, const std::shared_ptr<call>& next);
    static awaitable<void> drain(std::shared_ptr<lane> of, handle key);

    runtime& threads_;
    std::vector<std::shared_ptr<waiters>> waiters_; // by thread
    std::vector<std::shared_ptr<lane>> lanes_;      // by thread
};

} // namespace coatcheck::uwsgi
