#pragma once
// The keys of handles and of subjects.

#include "proto/session_id.hpp"
#include "server/config.hpp"

namespace coatcheck {

// Makes handles under the key in `c.handle_key_file`, if that is set. Throws config_error.
handle_maker configured_handles(const config& c);

// The same under `c.subject_key_file`, of subjects.
handle_maker configured_subjects(const config& c);

} // namespace coatcheck
