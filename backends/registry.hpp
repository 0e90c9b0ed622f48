#pragma once
// From a URL to a backend.

#include "backends/backend.hpp"
#include "backends/driver.hpp"
#include "backends/url.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace coatcheck {

// Opens the backend that `url` names, e.g. "sqlite:///var/lib/coatcheck/sessions.db". Throws std::invalid_argument,
// with a sentence for the operator that holds no password, for a URL that is wrong or a backend that was not built in;
// std::runtime_error for a store that this machine cannot open. A server that is away is not an error here: the backend
// answers errc::unavailable until it is back. `threads` must outlive the backend.
std::unique_ptr<backend> open_backend(std::string_view url, runtime& threads);

// What `--check` adds to the syntax: reads the store and throws std::runtime_error if it is damaged or cannot be
// opened.
void check_backend(std::string_view url);

// That there is such a backend in this build. Throws std::invalid_argument otherwise, as open_backend does.
void check_scheme(const backend_url& url);

// The statements that make the store's tables; empty if it has none to make. Throws as open_backend does.
std::string schema_of(std::string_view url);

// The schemes that this build knows, for --version and error messages.
std::span<const std::string_view> backend_schemes() noexcept;

// What the drivers of this build say of themselves, in their order.
std::span<const guarantees> backend_guarantees() noexcept;

} // namespace coatcheck
