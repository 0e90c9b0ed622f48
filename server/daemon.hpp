#pragma once
// The running daemon: threads, listeners, signals, drain.

#include "server/config.hpp"

namespace coatcheck {

// Serves until SIGTERM or SIGINT, then drains: for drain_delay as before (only /readyz says 503), then without new
// connections until the open requests are answered or drain_timeout has passed; a second signal ends it at once. SIGHUP
// and changed files re-read tokens and certificates. Throws what keeps it from starting.
void run_daemon(const config& settings);

} // namespace coatcheck
