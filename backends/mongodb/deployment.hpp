#pragma once
// What the connections to one store share: libmongoc's pool, whose threads watch the servers, what is known of an
// outage, and the index that lets the server forget.

#include "backends/mongodb/mongodb_config.hpp"
#include "backends/mongodb/outage.hpp"
#include "proto/error.hpp"

#include <chrono>
#include <mutex>
#include <optional>
#include <string>

namespace coatcheck::mongodb {

constexpr const char* index_name = "keep_until_1";

// Why the primary does not answer; nothing if it does.
std::optional<absence> say_ping(mongoc_client_t* client);

// Thread safe. Outlives the clients that it lends.
class deployment {
public:
    explicit deployment(config settings);

    const config& settings() const noexcept { return settings_; }
    outage& reach() noexcept { return reach_; }

    // One for each connection, which returns it. Blocks while DNS is asked, for mongodb+srv at the first call.
    result<mongoc_client_t*> borrow_client();
    void return_client(mongoc_client_t* client);

    // True for one caller in a minute, until there is the index; who says how it went.
    bool wants_index();
    void index_made();
    void index_failed(std::string why);

    // Empty unless the index could not be made.
    std::string index_warning() const;

private:
    const config settings_;
    mutable std::mutex mutex_;
    pool_ptr pool_;                                    // guarded by mutex_
    bool has_index_ = false;                           // guarded by mutex_
    std::chrono::steady_clock::time_point next_index_; // guarded by mutex_
    std::string no_index_;                             // guarded by mutex_
    outage reach_;                                     // its thread uses what is above
};

} // namespace coatcheck::mongodb
