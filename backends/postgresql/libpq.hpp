#pragma once
// libpq's C interface, with owners.

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <string_view>

namespace coatcheck::postgresql {

struct libpq_deleter {
    void operator()(PGconn* c) const noexcept { PQfinish(c); }
    void operator()(PGresult* r) const noexcept { PQclear(r); }
    void operator()(PQconninfoOption* o) const noexcept { PQconninfoFree(o); }
};

using connection_ptr = std::unique_ptr<PGconn, libpq_deleter>;
using result_ptr = std::unique_ptr<PGresult, libpq_deleter>;
using conninfo_ptr = std::unique_ptr<PQconninfoOption, libpq_deleter>;

// A message of libpq's in one line.
inline std::string one_line(std::string_view message)
{
    std::string line;
    for (const char c : message) {
        const bool blank = c == '\n' || c == '\t' || c == ' ';
        if (!blank)
            line += c;
        else if (!line.empty() && line.back() != ' ')
            line += ' ';
    }
    if (line.ends_with(' '))
        line.pop_back();
    return line;
}

} // namespace coatcheck::postgresql
