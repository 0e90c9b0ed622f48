#pragma once
// Who may call, and from where: bearer tokens, and the Host and Origin rules that keep a web page in a developer's
// browser away from a daemon that needs no token.

#include "proto/error.hpp"
#include "server/request.hpp"
#include "server/tokens.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coatcheck {

// What a listener is, as far as access goes.
struct listener_traits {
    bool tokens_needed = false; // a request without a token is refused
    bool is_tcp = false;        // Host and Origin are tested where no token is needed
    bool ops_only = false;      // serves /healthz, /readyz and /metrics alone, to anybody
};

// Why a request may not go on; `reason` is for the caller and points to a literal.
struct refused_access {
    errc code;
    std::string_view reason;
};

class access {
public:
    // `tokens` must outlive this. `hosts` are the names that are answered to beside the loopback's.
    access(live_tokens& tokens, std::vector<std::string> hosts);

    struct grant {
        std::shared_ptr<const caller> who; // null: a caller without a token on a listener that needs none

        bool may(scope what, std::string_view store) const noexcept;
        bool may(scope what) const noexcept;
    };

    // Only on a thread of the runtime.
    boost::system::result<grant, refused_access> check(const request& r, const listener_traits& where) const;

private:
    bool is_own_host(std::string_view host) const noexcept;

    live_tokens& tokens_;
    std::vector<std::string> hosts_;
};

} // namespace coatcheck
