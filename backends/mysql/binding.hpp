#pragma once
// What goes into a prepared statement and what comes out of it, in libmariadb's terms.

#include "backends/mysql/stored_row.hpp"

#include <mysql.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace coatcheck::mysql {

// Executes it; the parameters must outlive the call only. False if that failed.
bool run(MYSQL_STMT* s, std::span<const parameter> with);

// The columns of a result. Strings are fetched one by one, once their lengths are known.
class result_columns {
public:
    explicit result_columns(shape each);

    // False if the result has other columns.
    bool bind(MYSQL_STMT* s);

    // The row that was fetched last; nullopt if that failed.
    std::optional<row> take(MYSQL_STMT* s) const;

private:
    shape each_;
    std::vector<MYSQL_BIND> binds_;
    std::vector<std::uint64_t> numbers_;
    std::vector<unsigned long> lengths_;
    std::vector<my_bool> nulls_;
    std::vector<my_bool> errors_;
};

} // namespace coatcheck::mysql
