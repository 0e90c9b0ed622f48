#include "backends/mongodb/connection.hpp"

#include "backends/mongodb/record_document.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace coatcheck::mongodb {

namespace {

// libmongoc sets `value` up, whatever happens.
struct owned_reply {
    bson_t value;
    ~owned_reply() { bson_destroy(&value); }
};

std::int64_t ms_until(deadline by)
{
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(by - std::chrono::steady_clock::now());
    return std::clamp<std::int64_t>(left.count(), 1, std::numeric_limits<std::int32_t>::max());
}

bool passed(deadline by)
{
    return by <= std::chrono::steady_clock::now();
}

} // namespace

connection::~connection()
{
    collection_.reset();
    if (client_ != nullptr)
        shared_.return_client(client_);
}

// A ping before the first write tells a server that is away, which has written nothing, from one that goes away
// meanwhile.
std::optional<failure> connection::connect()
{
    auto away = shared_.reach().now();
    if (away && (away->no_server || !connected_))
        return failure{errc::unavailable, std::move(away->why)};
    if (connected_)
        return std::nullopt;
    if (client_ == nullptr) {
        if (auto borrowed = shared_.borrow_client())
            client_ = *borrowed;
        else
            away = absence{borrowed.error().detail, true};
    }
    if (client_ != nullptr)
        away = say_ping(client_);
    if (away) {
        shared_.reach().begins(*away);
        return failure{errc::unavailable, std::move(away->why)};
    }
    connected_ = true;
    const auto& c = shared_.settings();
    if (!collection_)
        collection_.reset(mongoc_client_get_collection(client_, c.database.c_str(), c.collection.c_str()));
    if (shared_.wants_index())
        make_index();
    return std::nullopt;
}

// The collection comes into being with it. A failure leaves the store of use.
void connection::make_index()
{
    const auto& c = shared_.settings();
    bson_document key;
    key.add("keep_until", 1);
    bson_document index;
    index.add("key", key).add_text("name", index_name).add("expireAfterSeconds", 0);
    bson_document indexes;
    indexes.add("0", index);
    bson_document command;
    command.add_text("createIndexes", c.collection).add_array("indexes", indexes);
    bson_error_t error{};
    if (mongoc_client_command_simple(client_, c.database.c_str(), command.get(), nullptr, nullptr, &error))
        shared_.index_made();
    else
        shared_.index_failed(error.message);
}

failure connection::failed(const bson_error_t& error, effect of)
{
    auto why = failure_of(error, of);
    if (loses_connection(error))
        connected_ = false;
    if (is_away(error))
        shared_.reach().begins({why.detail, true});
    return why;
}

result<std::optional<document_read>> connection::read_once(const bson_document& filter, bool with_payload, deadline by)
{
    bson_document options;
    options.add("limit", std::int64_t{1}).add("singleBatch", true).add("maxTimeMS", ms_until(by));
    if (!with_payload) {
        bson_document fields;
        fields.add("payload", 0);
        options.add("projection", fields);
    }
    const cursor_ptr cursor(mongoc_collection_find_with_opts(collection_.get(), filter.get(), options.get(), nullptr));
    const bson_t* found = nullptr;
    if (mongoc_cursor_next(cursor.get(), &found))
        return std::optional(
            document_read{read_head(*found), with_payload ? read_payload(*found) : result<std::string>(std::string())});
    bson_error_t error{};
    if (mongoc_cursor_error(cursor.get(), &error))
        return failed(error, effect::none);
    return std::nullopt;
}

result<std::optional<document_read>> connection::read(const bson_document& filter, bool with_payload, deadline by)
{
    for (bool again = true;; again = false) {
        if (const auto away = connect())
            return *away;
        auto answer = read_once(filter, with_payload, by);
        if (answer || connected_ || !again || passed(by))
            return answer;
    }
}

void connection::add_write_options(bson_document& to, deadline by) const
{
    const write_concern_ptr concern(
        mongoc_write_concern_copy(mongoc_uri_get_write_concern(shared_.settings().uri.get())));
    const auto left = ms_until(by);
    const auto asked = mongoc_write_concern_get_wtimeout_int64(concern.get());
    mongoc_write_concern_set_wtimeout_int64(concern.get(), asked > 0 ? std::min(asked, left) : left);
    mongoc_write_concern_append(concern.get(), to.get());
    to.add("validate", false).add("maxTimeMS", left);
}

template <class Send>
result<bool> connection::write(const char* count, deadline by, Send send)
{
    if (const auto away = connect())
        return *away;
    if (passed(by))
        return failure{errc::timed_out, "mongodb: the deadline passed before the write"};
    bson_document options;
    add_write_options(options, by);
    owned_reply reply;
    bson_error_t error{};
    const bool ok = send(options.get(), &reply.value, &error);
    if (!ok)
        return is_duplicate(error) ? result<bool>(false) : failed(error, effect::writes);
    bson_iter_t at;
    if (bson_iter_init_find(&at, &reply.value, "writeConcernErrors"))
        return failure{errc::timed_out, "mongodb: not written by as many members as the write concern wants"};
    if (!bson_iter_init_find(&at, &reply.value, count))
        return failure{errc::timed_out, "mongodb: a reply that does not say what was written"};
    return bson_iter_as_int64(&at) == 1;
}

result<bool> connection::insert(const bson_document& whole, deadline by)
{
    return write("insertedCount", by, [&](const bson_t* options, bson_t* reply, bson_error_t* error) {
        return mongoc_collection_insert_one(collection_.get(), whole.get(), options, reply, error);
    });
}

result<bool> connection::replace(const bson_document& filter, const bson_document& whole, deadline by)
{
    return write("matchedCount", by, [&](const bson_t* options, bson_t* reply, bson_error_t* error) {
        return mongoc_collection_replace_one(collection_.get(), filter.get(), whole.get(), options, reply, error);
    });
}

result<bool> connection::update(const bson_document& filter, const bson_document& change, deadline by)
{
    return write("matchedCount", by, [&](const bson_t* options, bson_t* reply, bson_error_t* error) {
        return mongoc_collection_update_one(collection_.get(), filter.get(), change.get(), options, reply, error);
    });
}

result<bool> connection::remove(const bson_document& filter, deadline by)
{
    return write("deletedCount", by, [&](const bson_t* options, bson_t* reply, bson_error_t* error) {
        return mongoc_collection_delete_one(collection_.get(), filter.get(), options, reply, error);
    });
}

result<void> connection::ping(deadline by)
{
    for (bool again = true;; again = false) {
        const bool known = connected_;
        if (const auto away = connect())
            return *away;
        if (!known) // a ping was said
            return {};
        auto why = say_ping(client_);
        if (!why)
            return {};
        connected_ = false;
        if (!again || passed(by))
            return failure{errc::unavailable, std::move(why->why)};
    }
}

} // namespace coatcheck::mongodb
