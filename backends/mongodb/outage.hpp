#pragma once
// Whether the store is away. Whoever meets that says so, and nobody else waits for it: a thread tries until it is back.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace coatcheck::mongodb {

struct absence {
    std::string why;
    bool no_server; // whoever is connected need not try either
};

// Thread safe.
class outage {
public:
    // `attempt` answers why the store is away, or nothing if it is back. It blocks, with jittered pauses of up to half
    // a second between two of its calls.
    explicit outage(std::function<std::optional<absence>()> attempt);

    // Waits for an attempt under way.
    ~outage();
    outage(const outage&) = delete;
    outage& operator=(const outage&) = delete;

    void begins(absence what);

    // Nothing if the store is not known to be away.
    std::optional<absence> now() const;

private:
    void try_until_stopped(const std::stop_token& stop);

    std::function<std::optional<absence>()> attempt_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::optional<absence> known_; // guarded by mutex_
    std::jthread trying_;
};

} // namespace coatcheck::mongodb
