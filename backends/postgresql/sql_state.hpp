#pragma once
// What PostgreSQL's errors mean to us. https://www.postgresql.org/docs/current/errcodes-appendix.html

#include "backends/postgresql/libpq.hpp"
#include "proto/error.hpp"

#include <string_view>

namespace coatcheck::postgresql {

namespace sql_state {
constexpr std::string_view read_only = "25006";
constexpr std::string_view no_such_prepared_statement = "26000";
constexpr std::string_view serialization_failure = "40001";
constexpr std::string_view deadlock = "40P01";
constexpr std::string_view no_privilege = "42501";
constexpr std::string_view prepared_statement_exists = "42P05";
constexpr std::string_view no_such_table = "42P01";
} // namespace sql_state

// The code of an error; empty if `r` is none, or an error of libpq's own.
std::string_view sql_state_of(const PGresult* r) noexcept;

bool is_error(const PGresult* r) noexcept;

// True if the connection ends with this error.
bool is_fatal(const PGresult* r) noexcept;

// What an error with this code stands for. Nothing was written. `message` is PostgreSQL's primary one, which repeats no
// values of ours.
failure failure_of(std::string_view sql_state, std::string_view message);
failure failure_of(const PGresult* r);

} // namespace coatcheck::postgresql
