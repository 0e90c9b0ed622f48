#pragma once
// What one thread of the lane does: a connection that is made when it is needed, and the steps on a row.

#include "backends/mysql/client.hpp"
#include "backends/mysql/server_facts.hpp"
#include "proto/session_id.hpp"

#include <functional>
#include <optional>
#include <random>

namespace coatcheck::mysql {

// Errors are backend.hpp's. A write is never sent twice unless the server said that the first did nothing; a read is
// asked once more when the connection breaks.
class session {
public:
    // All four must outlive the session.
    session(const config& settings, const statements& sql, server_facts& facts, const std::atomic<bool>& stopping);

    // The row; verb::find leaves the payload out.
    result<std::optional<row>> read(verb what, shape each, const handle& name, deadline by);

    // Only where there is no row; false if there is one, or somebody else was faster.
    result<bool> insert(const handle& name, const head& about, std::string_view payload, deadline by);

    // Only while the row's stamp is `stamp`; false if it is not, or somebody else was faster. The payload stays if
    // there is none.
    result<bool> replace(const handle& name, std::uint64_t stamp, const head& about,
                         std::optional<std::string_view> payload, deadline by);
    result<bool> remove(const handle& name, std::uint64_t stamp, deadline by);

    result<void> ping(deadline by);

private:
    std::optional<failure> get_ready(deadline by);
    answer<void> connect(deadline by);
    answer<void> prepare(verb what, deadline by);
    template <class T>
    result<T> attempt(verb what, bool writing, std::size_t payload, const std::function<answer<T>()>& work,
                      deadline by);
    result<bool> write(verb what, std::span<const parameter> with, std::size_t payload, deadline by);

    using clock = std::chrono::steady_clock;

    const client_thread thread_;
    const statements& sql_;
    server_facts& facts_;
    client client_;
    clock::time_point last_use_{};
    clock::time_point next_attempt_{}; // to connect
    std::optional<failure> away_;      // why the last one failed
    std::size_t max_payload_ = 0;      // of this connection
    std::minstd_rand jitter_{std::random_device{}()};
};

} // namespace coatcheck::mysql
