#pragma once
// Each thing that can be configured, once: its key, how its text is read and how it is shown. The YAML file, the
// environment and `describe` all go through these.

#include "server/config.hpp"

#include <functional>
#include <string>
#include <vector>

namespace coatcheck {

struct setting {
    std::string key; // "limits.body"
    // Stores what `text` says. Throws std::invalid_argument with a sentence for the operator that quotes no secret.
    std::function<void(const std::string& text)> read;
    // What `read` would take; empty for what is not set. Without secrets.
    std::function<std::string()> show;
    bool list = false; // several values, comma-separated as text
};

// The settings of `c`, all but its stores and the token, in the order that they are shown. Must not outlive `c`.
std::vector<setting> settings_of(config& c);

// The settings of one store, with keys below it: "idle_timeout".
std::vector<setting> settings_of(store_config& s);

} // namespace coatcheck
