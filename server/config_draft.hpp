#pragma once
// A configuration while it is put together: values, where each came from, and what is wrong with them.

#include "server/config_settings.hpp"

#include <map>
#include <string>

namespace coatcheck {

class config_draft {
public:
    config value;

    // Gives `s` what `text` says, or notes the mistake. `key` is the whole key path, `origin` "coatcheck.yaml:7" or the
    // name of a variable.
    void read(const setting& s, const std::string& key, const std::string& text, const std::string& origin);

    // A mistake at `key`, which may have been given nowhere.
    void mistake(const std::string& key, const std::string& sentence);
    void mistake(const std::string& key, const std::string& sentence, const std::string& origin);

    // Throws config_error if there was a mistake.
    void finish() const;

private:
    std::map<std::string, std::string> origins_; // by key path
    std::string mistakes_;
};

// Both note their mistakes in `into`.
void read_yaml(const std::string& path, config_draft& into);
void read_environment(const environment& env, config_draft& into);

} // namespace coatcheck
