#pragma once
// What an operator should know of a store, in the log.

#include "server/sessions.hpp"

namespace coatcheck {

// Waits until the store answers, then logs what an acknowledged write means there, with a warning where that is weaker
// than sessions deserve. `store` must outlive the runtime's work.
awaitable<void> report_when_up(sessions& store);

} // namespace coatcheck
