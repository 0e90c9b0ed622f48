#pragma once
// The handlers, one file a resource. Each makes `x.out` the answer to `x.in`.

#include "server/service.hpp"

namespace coatcheck {

// POST /v1/sessions
awaitable<void> create_session(service& s, sessions& store, exchange& x);

// GET, HEAD, PUT and DELETE of a session
awaitable<void> read_session(service& s, sessions& store, exchange& x);
awaitable<void> write_session(service& s, sessions& store, exchange& x);
awaitable<void> end_session(service& s, sessions& store, exchange& x);

// PATCH of a session
awaitable<void> patch_session(service& s, sessions& store, exchange& x);

// POST …/touch
awaitable<void> touch_session(service& s, sessions& store, exchange& x);

// POST …/rotate
awaitable<void> rotate_session(service& s, sessions& store, exchange& x);

// POST and DELETE of …/lock
awaitable<void> lock_session(service& s, sessions& store, exchange& x);
awaitable<void> unlock_session(service& s, sessions& store, exchange& x);

// GET and DELETE of the sessions of a subject
awaitable<void> list_subject(service& s, sessions& store, exchange& x);
awaitable<void> end_subject(service& s, sessions& store, exchange& x);

// DELETE of a handle by its own subject
awaitable<void> end_device(service& s, sessions& store, exchange& x);

// GET …/meta
awaitable<void> describe_session(service& s, sessions& store, exchange& x);

// GET /v1/events
awaitable<void> follow_events(service& s, exchange& x);
// GET and DELETE of a handle, for operators
awaitable<void> describe_handle(sessions& store, exchange& x);
awaitable<void> end_handle(sessions& store, exchange& x);

// POST …/end-all
awaitable<void> end_all_sessions(service& s, sessions& store, exchange& x);

// GET /v1/stores
awaitable<void> list_stores(service& s, exchange& x);

// GET /healthz, /readyz, /metrics. `known` tells whether the caller may see more than a yes or a no.
void report_health(exchange& x);
awaitable<void> report_readiness(service& s, exchange& x, bool known);
void report_metrics(service& s, exchange& x);

} // namespace coatcheck
