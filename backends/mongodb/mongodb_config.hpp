#pragma once
// What a MongoDB URL says (README.md has the forms).

#include "backends/mongodb/client_library.hpp"
#include "backends/mongodb/pem_pair.hpp"
#include "backends/url.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace coatcheck::mongodb {

// How many members have a write when it is acknowledged, and whether on their disks.
struct write_safety {
    std::string means;
    std::string warning; // empty if a majority has it on disk
    bool majority = false;
    bool durable = false;
};

struct config {
    uri_ptr uri; // with what we ask for where the URL says nothing
    std::string database;
    std::string collection;
    std::size_t connections;
    write_safety safety;
    std::unique_ptr<pem_pair> certificate; // `uri` names its file; null if there is none
};

// Throws std::invalid_argument with a sentence for the operator that holds no password. Reads the TLS files.
config parse_config(const backend_url& url);

write_safety safety_of(const mongoc_write_concern_t& concern);

} // namespace coatcheck::mongodb
