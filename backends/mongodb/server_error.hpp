#pragma once
// What an error of libmongoc, or of the server, means for a record. Without I/O.

#include "backends/mongodb/client_library.hpp"
#include "proto/error.hpp"

namespace coatcheck::mongodb {

enum class effect : std::uint8_t {
    none,   // of a read or a new connection
    writes, // the command may have been carried out if its reply did not come
};

// `error` in the form of MONGOC_ERROR_API_VERSION_2. `detail` is its text.
failure failure_of(const bson_error_t& error, effect of);

// True if the connection, or the server behind it, is of no use any more.
bool loses_connection(const bson_error_t& error) noexcept;

// True if there is no server to send to, as far as libmongoc knows.
bool is_away(const bson_error_t& error) noexcept;

// True if there is a document of that name.
bool is_duplicate(const bson_error_t& error) noexcept;

} // namespace coatcheck::mongodb
