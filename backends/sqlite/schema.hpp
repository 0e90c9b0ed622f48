#pragma once
// The tables of a session file, and how a file gets them.

#include "backends/sqlite/database.hpp"

namespace coatcheck::sqlite {

// Brings a file that is empty, or of an older release, to the schema of this one. Throws std::runtime_error, and leaves
// the file as it is, if it is another application's or a newer release's. `name` is for the messages.
void prepare(connection& db, const std::string& name);

// Throws std::runtime_error if the file is another application's or a newer release's.
void check_identity(connection& db, const std::string& name);

} // namespace coatcheck::sqlite
