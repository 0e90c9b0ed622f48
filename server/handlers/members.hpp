#pragma once
// The members of a small body, such as {"lease_ms": 5000}, all of them optional.

#include "proto/msgpack_reader.hpp"
#include "server/handlers/session_parts.hpp"

#include <string>
#include <string_view>

namespace coatcheck {

// Calls take(name, value) for each member of the request's body, of which an empty one has none. `take` answers what is
// wrong with the member, or nothing. False if anything is wrong, and `x.out` is the problem.
template <class Take>
bool read_members(const service& s, exchange& x, Take take)
{
    if (x.in.body.empty())
        return true;
    std::string msgpack;
    if (!read_body(s, x, msgpack))
        return false;
    msgpack_reader in(msgpack);
    msgpack_token t;
    in.next(t);
    for (auto left = t.count; left > 0; --left) {
        in.next(t);
        const auto name = t.content;
        in.next(t);
        if (const std::string_view wrong = take(name, t); !wrong.empty()) {
            set_problem(x.out, errc::malformed, wrong);
            return false;
        }
    }
    return true;
}

} // namespace coatcheck
