#pragma once
// A new id for a session, with its data. Two records cannot change in one step everywhere, so it is a protocol of steps
// after any of which everybody may stop:
//
//   1. the session is written under the new id, as pending: nobody finds it there yet;
//   2. the old record becomes an alias, by a swap: the commit, which exactly one of many wins;
//   3. the new record becomes live. Whoever finds it pending looks at the old one and does that too (lookup::settle).
//
// Before the commit the old id leads to the session, after it the new one does, and within the grace both. A rotation
// that stopped before the commit hinders nobody: one to another id passes it by, and one to the same id takes its
// place.

#include "backends/backend.hpp"
#include "server/lookup.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace coatcheck {

struct rotation {
    std::string old_id;
    session_key from; // of old_id
    std::string new_id;
    session_key to; // of new_id
    std::chrono::seconds grace{0};
    head_changes changes; // but not of the data: the version stays
    // Told the old head and the new one before anything is written under the new id; its failure is the rotation's.
    std::function<awaitable<result<void>>(const head& old, const head& next)> announce;
};

struct rotated {
    write done;     // refused: by errc::locked, or by errc::precondition_failed if the new id is in use, or was
    std::string id; // the new id; another's, if the session was rotated already and this is within its grace
    session_key at; // of that id
};

// Safe from any thread of the runtime. Fails as lookup does; errc::timed_out: the rotation may have been committed.
// Repeated with the same new id it finds its own rotation and answers as the first time.
awaitable<result<rotated>> rotate(backend& keeper, lookup& places, const rotation& wanted, time_point now, deadline by);

} // namespace coatcheck
