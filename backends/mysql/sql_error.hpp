#pragma once
// What the errors of the server and of its client library mean to us.

#include "proto/error.hpp"

#include <boost/system/result.hpp>

#include <string>
#include <utility>

namespace coatcheck::mysql {

struct sql_error {
    sql_error() = default;

    // Two arguments at least, so that an answer<bool> is not made of an error by mistake.
    sql_error(unsigned n, std::string t, bool l = false) : number(n), text(std::move(t)), late(l) {}

    unsigned number = 0; // the server's (ER_…) or the library's (CR_…)
    std::string text;
    bool late = false; // the deadline passed
};

template <class T>
using answer = boost::system::result<T, sql_error>;

// The statement did nothing: somebody else was faster (a deadlock, a lock held for too long).
bool is_lost_race(const sql_error& e) noexcept;

bool is_duplicate(const sql_error& e) noexcept;
bool is_no_table(const sql_error& e) noexcept;

// The server has forgotten the prepared statement, or the table is another since; it did nothing.
bool is_unprepared(const sql_error& e) noexcept;

// The library's own: the connection broke, or could not be made. What was under way may have been done.
bool is_broken(const sql_error& e) noexcept;

// Nothing good comes of this connection any more: it is broken, or another one may lead to a server that can write.
bool ends_connection(const sql_error& e) noexcept;

// `writing`: the statement writes, and has been sent.
failure failure_of(const sql_error& e, bool writing);

} // namespace coatcheck::mysql
