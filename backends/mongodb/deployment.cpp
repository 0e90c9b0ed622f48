#include "backends/mongodb/deployment.hpp"

#include "backends/mongodb/bson_document.hpp"
#include "backends/mongodb/server_error.hpp"

#include <utility>

namespace coatcheck::mongodb {

namespace {

using namespace std::chrono_literals;

constexpr auto between_attempts = 1min; // to make the index

} // namespace

std::optional<absence> say_ping(mongoc_client_t* client)
{
    bson_document ping;
    ping.add("ping", 1);
    bson_error_t error{};
    if (mongoc_client_command_simple(client, "admin", ping.get(), nullptr, nullptr, &error))
        return std::nullopt;
    return absence{failure_of(error, effect::none).detail, is_away(error)};
}

deployment::deployment(config settings)
    : settings_(std::move(settings)), reach_([this]() -> std::optional<absence> {
          const auto client = borrow_client();
          if (!client)
              return absence{client.error().detail, true};
          auto why = say_ping(*client);
          return_client(*client);
          return why;
      })
{}

result<mongoc_client_t*> deployment::borrow_client()
{
    const std::lock_guard lock(mutex_);
    if (!pool_) {
        bson_error_t error{};
        pool_.reset(mongoc_client_pool_new_with_error(settings_.uri.get(), &error));
        if (!pool_)
            return failure{errc::unavailable, std::string("mongodb: ") + error.message};
        mongoc_client_pool_set_error_api(pool_.get(), MONGOC_ERROR_API_VERSION_2);
    }
    return mongoc_client_pool_pop(pool_.get());
}

void deployment::return_client(mongoc_client_t* client)
{
    const std::lock_guard lock(mutex_);
    mongoc_client_pool_push(pool_.get(), client);
}

bool deployment::wants_index()
{
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (has_index_ || now < next_index_)
        return false;
    next_index_ = now + between_attempts;
    return true;
}

void deployment::index_made()
{
    const std::lock_guard lock(mutex_);
    has_index_ = true;
    no_index_.clear();
}

void deployment::index_failed(std::string why)
{
    const std::lock_guard lock(mutex_);
    no_index_ = std::move(why);
}

std::string deployment::index_warning() const
{
    const std::lock_guard lock(mutex_);
    if (no_index_.empty())
        return {};
    return "the server does not remove what has expired, since the index could not be made (" + no_index_ +
           "); coatcheckd --print-schema shows how to make it";
}

} // namespace coatcheck::mongodb
