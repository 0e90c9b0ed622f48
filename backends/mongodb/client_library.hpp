#pragma once
// libmongoc, set up once, and owners of what it hands out.

#include <mongoc/mongoc.h>

#include <memory>
#include <string>

namespace coatcheck::mongodb {

template <auto destroy>
struct destroyed_by {
    template <class T>
    void operator()(T* what) const noexcept
    {
        destroy(what);
    }
};

using uri_ptr = std::unique_ptr<mongoc_uri_t, destroyed_by<mongoc_uri_destroy>>;
using pool_ptr = std::unique_ptr<mongoc_client_pool_t, destroyed_by<mongoc_client_pool_destroy>>;
using collection_ptr = std::unique_ptr<mongoc_collection_t, destroyed_by<mongoc_collection_destroy>>;
using cursor_ptr = std::unique_ptr<mongoc_cursor_t, destroyed_by<mongoc_cursor_destroy>>;
using write_concern_ptr = std::unique_ptr<mongoc_write_concern_t, destroyed_by<mongoc_write_concern_destroy>>;
using read_concern_ptr = std::unique_ptr<mongoc_read_concern_t, destroyed_by<mongoc_read_concern_destroy>>;

// Sets libmongoc up at the first call; from then on it writes nothing to stderr. Whatever it hands out is destroyed
// before the program's static objects are.
void use_client_library();

// Collects what libmongoc has to say on this thread. One at a time.
class overheard {
public:
    overheard();
    ~overheard();
    overheard(const overheard&) = delete;
    overheard& operator=(const overheard&) = delete;

    // The first message, empty if there was none.
    const std::string& message() const noexcept { return message_; }

private:
    std::string message_;
};

} // namespace coatcheck::mongodb
