#pragma once
// One connection to the store, for one thread of the lane. Every call blocks, until `by` as far as the server is there
// to keep to it, and for as long as the URL's timeouts say where the network is dead.

#include "backends/mongodb/bson_document.hpp"
#include "backends/mongodb/deployment.hpp"
#include "backends/mongodb/server_error.hpp"
#include "backends/transport/runtime.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace coatcheck::mongodb {

struct document_read {
    document_read(result<head> first, result<std::string> second) : about(std::move(first)), payload(std::move(second))
    {}

    result<head> about;
    result<std::string> payload; // empty where it was not asked for
};

class connection {
public:
    explicit connection(deployment& shared) : shared_(shared) {}
    ~connection();
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    // The document that `filter` finds. Asked once more if the connection turned out to be dead.
    result<std::optional<document_read>> read(const bson_document& filter, bool with_payload, deadline by);

    // False if there is a document with this _id.
    result<bool> insert(const bson_document& whole, deadline by);

    // Each false if there is no document that `filter` finds. `change` is an update document.
    result<bool> replace(const bson_document& filter, const bson_document& whole, deadline by);
    result<bool> update(const bson_document& filter, const bson_document& change, deadline by);
    result<bool> remove(const bson_document& filter, deadline by);

    // Whether the primary answers.
    result<void> ping(deadline by);

private:
    std::optional<failure> connect();
    void make_index();
    result<std::optional<document_read>> read_once(const bson_document& filter, bool with_payload, deadline by);

    // Of a command that ended with `error`.
    failure failed(const bson_error_t& error, effect of);

    // One write: `send(options, reply, error)`, whose reply says in the field `count` how many documents it found.
    template <class Send>
    result<bool> write(const char* count, deadline by, Send send);

    // How safe a write is to be, and until when the server may be at it.
    void add_write_options(bson_document& to, deadline by) const;

    deployment& shared_;
    mongoc_client_t* client_ = nullptr; // borrowed
    collection_ptr collection_;
    bool connected_ = false;
};

} // namespace coatcheck::mongodb
