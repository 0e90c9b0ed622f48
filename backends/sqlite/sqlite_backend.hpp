#pragma once
// Sessions in a file on this machine (README.md here: guarantees, limits, layout).

#include "backends/backend.hpp"
#include "backends/url.hpp"

#include <memory>

namespace coatcheck {

// sqlite:///absolute/path/sessions.db[?synchronous=full|normal]. Throws std::invalid_argument for a URL that is wrong,
// std::runtime_error for a file that cannot be used. `threads` must outlive the backend, and be stopped before it goes.
std::unique_ptr<backend> open_sqlite(const backend_url& url, runtime& threads);

// Throws like open_sqlite, and std::runtime_error if the file is damaged. A file that is not there is not made.
void check_sqlite(const backend_url& url);

} // namespace coatcheck
