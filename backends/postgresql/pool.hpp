#pragma once
// The daemon's few connections, for the callers of all threads.

#include "backends/postgresql/connection.hpp"

#include <memory>
#include <vector>

namespace coatcheck::postgresql {

class pool {
public:
    // `threads` must outlive the work of the pool's executors.
    pool(config settings, runtime& threads);
    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;

    const config& settings() const noexcept { return *settings_; }
    const statements& sql() const noexcept { return *sql_; }
    durability says() const { return facts_->get(); }

    // Rows, once the transaction has been committed; a statement that PostgreSQL gave up for another's sake is run
    // again, and a missing table is made. Failures as backend's. Resumes on the calling thread, which must be one of
    // the runtime's.
    awaitable<result<std::shared_ptr<const PGresult>>> run(const statement& what, parameters with, effect does,
                                                           deadline by);

    // Drops everything. Only while no thread runs the executors; nothing may be called after it.
    void abandon();

private:
    using answer = result<std::shared_ptr<const PGresult>>;

    awaitable<answer> ask(const statement& what, std::shared_ptr<const parameters> with, effect does, deadline by);
    awaitable<result<void>> make_table(deadline by);
    connection& choose(std::size_t thread, std::size_t& of) noexcept;

    runtime& threads_;
    std::shared_ptr<const config> settings_;
    std::shared_ptr<const statements> sql_;
    std::shared_ptr<server_facts> facts_ = std::make_shared<server_facts>();
    std::vector<std::shared_ptr<waiters>> waiters_;        // by thread
    std::vector<std::size_t> turns_;                       // by thread
    std::vector<std::shared_ptr<connection>> connections_; // the i-th belongs to the thread i modulo their number
};

} // namespace coatcheck::postgresql
