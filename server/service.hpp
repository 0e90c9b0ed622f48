#pragma once
// What handlers work on: the stores, and what is shared by all requests. One object for all threads.

#include "proto/json_msgpack.hpp"
#include "proto/session_id.hpp"
#include "server/access.hpp"
#include "server/config.hpp"
#include "server/encryption.hpp"
#include "server/event_log.hpp"
#include "server/metrics.hpp"
#include "server/request.hpp"
#include "server/response.hpp"
#include "server/routes.hpp"
#include "server/sessions.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace coatcheck {

struct service {
    config settings;
    handle_maker handle_of;
    handle_maker subject_hash_;
    std::shared_ptr<const sealer> seals; // null: nothing is encrypted
    metrics counters;
    live_tokens tokens;
    access guard;
    event_log events;
    std::map<std::string, std::unique_ptr<sessions>, std::less<>> stores;
    std::atomic<bool> draining{false}; // after SIGTERM: /readyz says so at once

    // Opens every store. Throws as open_backend does.
    service(config c, token_table first_tokens, runtime& threads);

    // As the subject is kept: as it was sent, or a keyed hash of it.
    std::string subject_of(std::string_view sent) const;

    data_limits limits() const noexcept { return {.bytes = settings.limits.body}; }
};

// One request on its way to its answer.
struct exchange {
    const request& in;
    response& out;
    route where;
    access::grant grant;
    time_point now;
};

// Answers `in`, which came by a listener with these traits. `out` must be clear. Everything is decided here but the
// framing: it never fails, a failure is an answer.
awaitable<void> answer(service& s, const listener_traits& where, const request& in, time_point now, response& out);

} // namespace coatcheck
