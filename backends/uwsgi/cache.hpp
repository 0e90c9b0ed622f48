#pragma once
// The operations of one cache, told apart into yes, no and "it did not say".

#include "backends/transport/runtime.hpp"
#include "backends/uwsgi/exchange.hpp"
#include "backends/uwsgi/packet.hpp"
#include "backends/uwsgi/turns.hpp"
#include "backends/uwsgi/uwsgi_config.hpp"
#include "proto/record.hpp"
#include "proto/session_id.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coatcheck::uwsgi {

// Each function may be called on any thread of the runtime and resumes there. Views must outlive the co_await. Failures
// are as backend.hpp says.
class cache {
public:
    // `threads` must outlive it, except in coroutines that are only destroyed.
    cache(config settings, runtime& threads);

    // The value under `key`. Nothing only if the cache has been seen to answer and the key still gave nothing after
    // that: a single empty answer may be an error of the server's, or of the network's.
    awaitable<result<std::optional<std::string>>> get(std::string_view key, deadline by);

    // True if `value` is there now under `key`, where there was nothing; false if there is something else.
    awaitable<result<bool>> add(std::string_view key, std::string_view value, time_point keep_until, deadline by);

    // Puts `value` over `old`, which is there and which no other writer of this daemon replaces meanwhile. False if
    // there is something else.
    awaitable<result<bool>> replace(std::string_view key, std::string_view old, std::string_view value,
                                    time_point keep_until, deadline by);

    // Leaves nothing under `key`.
    awaitable<result<void>> remove(std::string_view key, deadline by);

    // Whether the cache answers: a key of ours gives what it holds.
    awaitable<result<void>> prove(deadline by);

    std::string key_of(std::string_view name) const { return config_.prefix + std::string(name); }
    const config& settings() const noexcept { return config_; }

private:
    awaitable<answer> ask(request what, effect does, deadline by);
    awaitable<result<std::optional<std::string>>> get_once(std::string_view key, deadline by);

    const config config_;
    const std::string sentinel_;
    std::vector<std::unique_ptr<turns>> connections_; // by thread
    std::atomic<bool> proved_ = false;                // since the last time that the server did not answer
};

} // namespace coatcheck::uwsgi
