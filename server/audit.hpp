#pragma once
// What operators did: one line each, in the daemon's log.

#include "server/log.hpp"
#include "server/service.hpp"

#include <string_view>

namespace coatcheck {

// Of a request that `x.out` answers by now: who asked, by the token's name, for which `action` on what, such as
// {"handle", …}, and what came of it.
void log_audit(exchange& x, std::string_view action, log::field object);

} // namespace coatcheck
