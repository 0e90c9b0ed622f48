#pragma once
// What a driver's folder offers to the registry.

#include "backends/backend.hpp"
#include "backends/url.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace coatcheck {

// A row of the README's table, in words for operators.
struct guarantees {
    std::string_view title;
    std::string_view url;       // its forms, as Markdown
    std::string_view survives;  // what an acknowledged write survives
    kept_by conditional_writes; // as capabilities say it
    std::string_view tombstones;
    std::string_view limits; // the largest session, and what a full store refuses
};

struct driver {
    guarantees says;

    // Throws std::invalid_argument, with a sentence for the operator that holds no password, for a URL that is wrong,
    // std::runtime_error for a store that this machine cannot open; a server that is away is no error. `threads` must
    // outlive the backend, which is destroyed only when none of them runs.
    std::unique_ptr<backend> (*open)(const backend_url&, runtime& threads);

    // What --check adds: throws as open does, and for a store that can be seen to be damaged.
    void (*check)(const backend_url&);

    // What an operator whose daemons may not make tables runs first (--print-schema); null if there is nothing to make.
    std::string (*schema)(const backend_url&) = nullptr;

    // Whether its URLs may name several hosts.
    bool several_hosts = false;
};

#define COATCHECK_DRIVER(name, ...) extern const driver name##_driver;
#include "backends/drivers.def"
#undef COATCHECK_DRIVER

} // namespace coatcheck
