#include "server/audit.hpp"

#include "server/problem.hpp"

namespace coatcheck {

void log_audit(exchange& x, std::string_view action, log::field object)
{
    if (x.out.request_id.empty())
        x.out.request_id = make_request_id();
    log::audit("admin action", {{"audit", true},
                                {"token", x.grant.who ? std::string_view(x.grant.who->name) : std::string_view()},
                                {"action", action},
                                {"store", x.out.store},
                                object,
                                {"status", x.out.status},
                                {"request_id", x.out.request_id}});
}

} // namespace coatcheck
