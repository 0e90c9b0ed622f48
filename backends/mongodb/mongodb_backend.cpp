#include "backends/compare_and_swap/compare_and_swap_backend.hpp"
#include "backends/driver.hpp"
#include "backends/mongodb/connection.hpp"
#include "backends/mongodb/record_document.hpp"
#include "backends/transport/blocking_lane.hpp"

#include <memory>
#include <utility>

namespace coatcheck {

namespace mongodb {

namespace {

using document_ptr = std::shared_ptr<bson_document>;

document_ptr whole_of(const session_key& key, const head& about, std::string_view payload)
{
    auto whole = std::make_shared<bson_document>();
    add_record(*whole, key.name.str(), about, payload);
    return whole;
}

document_ptr filter_of(const session_key& key, const result<head>& as_read)
{
    auto filter = std::make_shared<bson_document>();
    add_filter(*filter, key.name.str(), as_read);
    return filter;
}

class mongodb_backend final : public compare_and_swap_backend {
public:
    mongodb_backend(config settings, runtime& threads)
        : shared_(std::move(settings)),
          lane_(threads, shared_.settings().connections, [this] { return std::make_unique<connection>(shared_); })
    {}

    capabilities caps() const noexcept override
    {
        const auto& safety = shared_.settings().safety;
        return {kept_by::store, safety.majority ? tombstones::kept : tombstones::best_effort, safety.durable,
                max_payload};
    }

    acknowledgement acknowledges() const override
    {
        const auto& [means, warning, majority, durable] = shared_.settings().safety;
        auto index = shared_.index_warning();
        if (!index.empty() && !warning.empty())
            index += "; ";
        return {means, index + warning};
    }

    awaitable<result<void>> probe(deadline by) override
    {
        return lane_.run<void>([by](connection& c) { return c.ping(by); }, by);
    }

private:
    awaitable<result<std::optional<stored>>> read(const session_key& key, part needed, deadline by) override
    {
        auto filter = std::make_shared<bson_document>();
        filter->add_text("_id", key.name.str());
        const bool whole = needed == part::whole;
        auto answer = co_await lane_.run<std::optional<document_read>>(
            [filter, whole, by](connection& c) { return c.read(*filter, whole, by); }, by);
        if (!answer)
            co_return answer.error();
        if (!*answer)
            co_return std::nullopt;
        document_read& found = **answer;
        if (found.about && !found.payload)
            found.about = found.payload.error();
        stored old{0, std::move(found.about), {}};
        if (old.about)
            old.payload = *std::move(found.payload);
        co_return std::optional(std::move(old));
    }

    awaitable<result<bool>> insert(const session_key& key, const head& about, std::string_view payload,
                                   deadline by) override
    {
        return lane_.run<bool>(
            [whole = whole_of(key, about, payload), by](connection& c) { return c.insert(*whole, by); }, by,
            payload.size());
    }

    awaitable<result<bool>> replace(const session_key& key, const stored& old, const head& about,
                                    std::string_view payload, deadline by) override
    {
        return lane_.run<bool>([filter = filter_of(key, old.about), whole = whole_of(key, about, payload),
                                by](connection& c) { return c.replace(*filter, *whole, by); },
                               by, payload.size());
    }

    awaitable<result<bool>> replace_head(const session_key& key, const stored& old, const head& about,
                                         deadline by) override
    {
        bson_document fields;
        add_head(fields, about);
        auto change = std::make_shared<bson_document>();
        change->add("$set", fields);
        return lane_.run<bool>(
            [filter = filter_of(key, old.about), change, by](connection& c) { return c.update(*filter, *change, by); },
            by);
    }

    awaitable<result<void>> make_room(const session_key& key, const stored& old, deadline by) override
    {
        const auto done = co_await lane_.run<bool>(
            [filter = filter_of(key, old.about), by](connection& c) { return c.remove(*filter, by); }, by);
        if (!done)
            co_return done.error();
        co_return result<void>();
    }

    deployment shared_;
    blocking_lane<connection> lane_; // its threads use what is above
};

std::unique_ptr<backend> open(const backend_url& url, runtime& threads)
{
    return std::make_unique<mongodb_backend>(parse_config(url), threads);
}

void check(const backend_url& url)
{
    parse_config(url);
}

// For mongosh.
std::string schema(const backend_url& url)
{
    const auto c = parse_config(url);
    return "db.getSiblingDB(\"" + c.database + "\").getCollection(\"" + c.collection +
           "\").createIndex({keep_until: 1}, {name: \"" + index_name + "\", expireAfterSeconds: 0})\n";
}

} // namespace

} // namespace mongodb

const driver mongodb_driver{
    .says = {.title = "MongoDB",
             .url = "`mongodb://host:27017/coatcheck`, `mongodb+srv://…`",
             .survives = "a fail-over and a power cut of a minority of the set (`w=majority` unless the URL says "
                         "otherwise)",
             .conditional_writes = kept_by::store,
             .tombstones = "kept with `w=majority`, else best effort",
             .limits = "sessions up to 16 MiB less 4 KiB; a full server refuses new data (507)"},
    .open = &mongodb::open,
    .check = &mongodb::check,
    .schema = &mongodb::schema,
    .several_hosts = true,
};

} // namespace coatcheck
