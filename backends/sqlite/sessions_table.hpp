#pragma once
// The rows of table `sessions`: what one write does inside a transaction, and how a row is read.

#include "backends/backend.hpp"
#include "backends/sqlite/database.hpp"

namespace coatcheck::sqlite {

// Writes, inside a transaction that the caller opens and ends. A failure leaves the row as it was and, unless SQLite
// has ended it, the transaction usable.
class sessions_table {
public:
    // Throws std::runtime_error. `db` must outlive the table.
    explicit sessions_table(connection& db);

    result<write> put(const handle& name, const head_changes& changes, std::string_view payload,
                      const precondition& when, time_point now);

    // The outcome is refused, with errc::precondition_failed, if the record is not as it was `seen`.
    result<write> swap(const handle& name, const std::optional<head>& seen, const head& next,
                       const std::optional<std::string>& payload, time_point now);

    // The outcome is created if nothing was there that could be read, else replaced; the head is what was there.
    result<write> end(const handle& name, time_point now, time_point keep_until);

    // The outcome is refused, with errc::not_found, if there is no record; else the head is the record's.
    result<write> extend(const handle& name, std::chrono::milliseconds keep_after_end, time_point now);

    // Reads something, so that a broken file shows.
    result<write> touch();

    // Removes up to `at_most` records that may be forgotten at `now`; the number.
    result<int> sweep(time_point now, int at_most);

private:
    // Nothing too if there is only what may be forgotten at `now`.
    result<std::optional<head>> find(const handle& name, time_point now);
    result<void> store(const handle& name, const head& about, std::string_view payload);
    result<void> set_head(const handle& name, const head& about);

    connection& db_;
    statement find_;
    statement store_;
    statement set_head_;
    statement extend_;
    statement sweep_;
};

// Reads whole records over a connection of its own.
class record_reader {
public:
    // Throws std::runtime_error.
    explicit record_reader(const std::filesystem::path& file);

    result<std::optional<record>> load(const handle& name);

private:
    connection db_;
    statement load_;
};

} // namespace coatcheck::sqlite
