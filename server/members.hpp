#pragma once
// The members of a small body, such as {"lease_ms": 5000}.

#include "proto/msgpack_reader.hpp"

#include <string_view>

namespace coatcheck {

// Calls take(name, value) for each member of `msgpack`, a map that read_body() gave. `take` answers what is wrong with
// the member, or nothing; so does this, for the first that is wrong.
template <class Take>
std::string_view for_each_member(std::string_view msgpack, Take take)
{
    msgpack_reader in(msgpack);
    msgpack_token t;
    in.next(t);
    for (auto left = t.count; left > 0; --left) {
        in.next(t);
        const auto name = t.content;
        in.next(t);
        if (const std::string_view wrong = take(name, t); !wrong.empty())
            return wrong;
    }
    return {};
}

} // namespace coatcheck
