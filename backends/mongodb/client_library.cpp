#include "backends/mongodb/client_library.hpp"

namespace coatcheck::mongodb {

namespace {

thread_local std::string* listening = nullptr;

void listen(mongoc_log_level_t, const char*, const char* message, void*)
{
    if (listening != nullptr && listening->empty())
        *listening = message;
}

struct client_library {
    client_library()
    {
        mongoc_log_set_handler(&listen, nullptr);
        mongoc_init();
    }
    ~client_library() { mongoc_cleanup(); }
    client_library(const client_library&) = delete;
    client_library& operator=(const client_library&) = delete;
};

} // namespace

void use_client_library()
{
    static const client_library library;
}

overheard::overheard()
{
    listening = &message_;
}

overheard::~overheard()
{
    listening = nullptr;
}

} // namespace coatcheck::mongodb
