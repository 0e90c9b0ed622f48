#pragma once
// What a statement answers, in the binary format.

#include "backends/postgresql/libpq.hpp"
#include "proto/error.hpp"
#include "proto/record.hpp"

#include <optional>

namespace coatcheck::postgresql {

struct answered_head {
    bool written; // by this statement
    head about;
};

// The head in the only row of a statement that answers one; nothing if there is no row. errc::newer_format and
// errc::corrupt as decode_record.
result<std::optional<answered_head>> head_in(const PGresult* rows);

// The payload in the only row of statements::load.
std::string_view payload_in(const PGresult* rows);

// How many rows a statement without an answer has changed.
int changed_by(const PGresult* done);

// A column of the only row, whatever it is.
std::string_view text_in(const PGresult* rows, int column);

} // namespace coatcheck::postgresql
