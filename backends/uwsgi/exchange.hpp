#pragma once
// One request and its answer, over a connection of its own: the server closes each after one.

#include "backends/transport/connect.hpp"
#include "backends/transport/effect.hpp"
#include "backends/transport/runtime.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck::uwsgi {

struct answer {
    enum class outcome : std::uint8_t {
        yes,      // with the value of a get
        nothing,  // closed without a byte: no, or no such cache, or something in between broke
        not_sent, // the server has seen nothing of the request
        late,     // past the deadline; of reads alone, or as not_sent
        broken,   // what became of the request is not known
    };

    outcome what;
    std::optional<std::string> value = {};
    std::string why = {}; // for the log

    bool is(outcome o) const noexcept { return what == o; }
};

// Past `by` what reads is given up. What writes is waited for once it has begun to be sent, until the server answers or
// the connection breaks: nobody but the caller can know then that it will not land later. `to` and `packet` must
// outlive the co_await.
awaitable<answer> exchange(executor on, const address& to, std::string_view packet, effect does, deadline by);

} // namespace coatcheck::uwsgi
