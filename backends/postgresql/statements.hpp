#pragma once
// The SQL, without I/O: what a write does to a row, as proto/change.cpp does it to a head.
//
// Each operation is one statement, and under READ COMMITTED atomic: who waits for a row that another changes tests its
// conditions again on the row as it is then. A statement that changes nothing answers the head that it saw, by which
// the caller tells why, or that the row has changed since and the statement has to be run again.

#include "proto/change.hpp"
#include "proto/session_id.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coatcheck::postgresql {

struct statement {
    // `types` are those of the parameters: t text, i bigint, b bytea, one letter each.
    statement(std::string sql, std::string_view types);

    std::string name; // the same for the same text; empty for what is not worth preparing
    std::string text;
    std::vector<unsigned> types; // as the server numbers them
};

// Values for a statement's parameters, in their order and in the binary format.
class parameters {
public:
    parameters& text(std::string_view value);
    parameters& bytes(std::string_view value) { return text(value); }
    parameters& integer(std::int64_t value);
    parameters& null();

    std::size_t size() const noexcept { return bytes_.size(); } // bytes
    std::size_t count() const noexcept { return places_.size(); }
    const char* value(std::size_t i) const noexcept; // null for NULL
    int length(std::size_t i) const noexcept { return static_cast<int>(places_[i].length); }

private:
    struct place {
        std::size_t at, length;
        bool is_null;
    };
    std::string bytes_;
    std::vector<place> places_;
};

// Over one table, `table` as SQL names it.
struct statements {
    explicit statements(const std::string& table);

    // Each answers rows of: whether it was written, then the head's columns; `load` and `look` were not, `load` adds
    // the payload.
    statement load, look; // parameters: look_parameters
    statement create;     // parameters: put_parameters, as of all below until `extend`
    statement upsert;     // creates or replaces
    statement replace;    // what is live
    statement replace_same_version;
    statement replace_same_revision;
    statement extend; // parameters: extend_parameters

    statement swap, swap_in; // parameters: swap_parameters; they answer nothing

    statement end;          // parameters: end_parameters; answers as those above, with the head as it was
    statement end_in_place; // likewise, but answers nothing; of a row that is there, on a disk without room
    statement forget;       // parameters: forget_parameters; answers nothing
    statement sweep;        // parameters: sweep_parameters; answers how many rows went, or nothing if another sweeps
    statement probe;        // no parameters
    statement make_table;

    // The one that does such a write.
    const statement& put(precondition when, bool may_create) const noexcept;
};

// The table and its index, for an operator to run, with the rights that the daemons' role needs.
std::string schema(const std::string& table, const std::string& role);

parameters look_parameters(const handle& name);
parameters put_parameters(const handle& name, const head& created, const head_changes& changes,
                          std::string_view payload, precondition when, time_point now);
// `seen` is null for swap_in.
parameters swap_parameters(const handle& name, const head* seen, const head& next,
                           std::optional<std::string_view> payload, time_point now);
parameters extend_parameters(const handle& name, time_point now, std::chrono::milliseconds keep_after_end);
parameters end_parameters(const handle& name, time_point now, time_point keep_until);
parameters forget_parameters(const handle& name, time_point now);
parameters sweep_parameters(time_point now, int at_most);

} // namespace coatcheck::postgresql
