#pragma once
// The daemon's command line.

#include "server/tokens.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace coatcheck {

struct arguments {
    enum class action : std::uint8_t {
        serve,
        check,
        print_schema,
        list_backends,
        health,
        new_token,
        print_handle,
        new_key,
        version,
        help
    };

    action what = action::serve;
    std::string config_file;               // --config; empty: COATCHECK_CONFIG, if that is set
    bool insecure = false;                 // --insecure
    std::string health_target;             // --health [TARGET]; empty: what the configuration says
    std::string token_name;                // --new-token NAME
    scope_set token_scopes;                // --scope S[,S]; app if it is not given
    std::vector<std::string> token_stores; // --stores A[,B]; empty: every store
};

// A sentence for who typed it; exit status 2.
class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Throws usage_error.
arguments parse_arguments(int argc, const char* const* argv);

// What --help prints.
std::string usage();

} // namespace coatcheck
