#include "backends/compare_and_swap/compare_and_swap_backend.hpp"
#include "backends/driver.hpp"
#include "backends/dynamodb/commands.hpp"
#include "backends/dynamodb/dynamodb_config.hpp"
#include "backends/dynamodb/item.hpp"
#include "backends/dynamodb/service.hpp"
#include "backends/dynamodb/table.hpp"

#include <boost/json.hpp>

#include <utility>

namespace coatcheck {

namespace dynamodb {

namespace {

using type = answer::type;

class dynamodb_backend final : public compare_and_swap_backend {
public:
    dynamodb_backend(config settings, runtime& threads)
        : config_(std::move(settings)), service_(config_, threads), table_(config_, service_, threads)
    {}

    capabilities caps() const noexcept override
    {
        return {.conditional_writes = kept_by::store,
                .ended_records = tombstones::kept,
                .durable = config_.amazon,
                .max_payload = max_payload};
    }

    acknowledgement acknowledges() const override { return table_.acknowledges(); }

    // In one step where it can be: a creation that finds nothing, and a write over a live session. Else the refusal of
    // that step tells what is stored.
    awaitable<result<write>> put(const session_key& key, const head_changes& changes, std::string_view payload,
                                 precondition when, time_point now, deadline by) override
    {
        if (payload.size() > max_payload)
            co_return failure{errc::too_large, "larger than DynamoDB's items may be"};
        const bool creates = when.what() == precondition::test::absent;
        if (creates && !changes.may_create)
            co_return co_await put_again(key, changes, payload, when, now, by);
        head created = creates ? apply(nullptr, changes, now) : head{};
        auto got = creates ? table_.call("PutItem", commands::insert(config_.table, key.name, created, payload),
                                         effect::writes, by)
                           : table_.call("UpdateItem",
                                         commands::overwrite(config_.table, key.name, changes, when, payload, now),
                                         effect::writes, by);
        const auto done = co_await std::move(got);
        if (!done)
            co_return done.error();
        if (done->what == type::condition_failed) {
            auto second =
                co_await put_over(key, stored_in(done->body, "Item", part::head), changes, payload, when, now, by);
            if (!second)
                co_return second.error();
            if (*second)
                co_return **std::move(second);
            co_return co_await compare_and_swap_backend::put(key, changes, payload, when, now, by);
        }
        if (creates)
            co_return write{write::outcome::created, {}, std::move(created)};
        auto after = stored_in(done->body, "Attributes", part::head);
        if (!after || !after->about)
            co_return failure{errc::timed_out, "DynamoDB does not say what was written"};
        co_return write{write::outcome::replaced, {}, *std::move(after->about)};
    }

    awaitable<result<void>> probe(deadline by) override
    {
        const session_key nobody{handle_maker()("probe"), std::nullopt};
        const auto got = co_await read(nobody, part::head, by);
        if (!got)
            co_return got.error();
        co_return result<void>();
    }

protected:
    awaitable<result<std::optional<stored>>> read(const session_key& key, part needed, deadline by) override
    {
        const auto got = co_await table_.call("GetItem", commands::get(config_.table, key.name, needed == part::whole),
                                              effect::reads, by);
        if (!got)
            co_return got.error();
        co_return stored_in(got->body, "Item", needed);
    }

    awaitable<result<bool>> insert(const session_key& key, const head& about, std::string_view payload,
                                   deadline by) override
    {
        return change("PutItem", commands::insert(config_.table, key.name, about, payload), by);
    }

    awaitable<result<bool>> replace(const session_key& key, const stored& old, const head& about,
                                    std::string_view payload, deadline by) override
    {
        const auto unchanged = old.about ? commands::unchanged(*old.about) : std::nullopt;
        return change("PutItem", commands::replace(config_.table, key.name, unchanged, about, payload), by);
    }

    awaitable<result<bool>> replace_head(const session_key& key, const stored& old, const head& about,
                                         deadline by) override
    {
        return change("UpdateItem", commands::replace_head(config_.table, key.name, *old.about, about), by);
    }

    // A table is never full.
    awaitable<result<void>> make_room(const session_key&, const stored&, deadline) override
    {
        co_return result<void>();
    }

private:
    // False if the condition did not hold.
    awaitable<result<bool>> change(std::string_view operation, std::string body, deadline by)
    {
        const auto got = co_await table_.call(operation, std::move(body), effect::writes, by);
        if (!got)
            co_return got.error();
        co_return got->what == type::done;
    }

    awaitable<result<write>> put_again(const session_key& key, const head_changes& changes, std::string_view payload,
                                       precondition when, time_point now, deadline by)
    {
        const auto old = co_await read(key, part::head, by);
        if (!old)
            co_return old.error();
        const auto done = co_await put_over(key, *old, changes, payload, when, now, by);
        if (!done)
            co_return done.error();
        co_return **done;
    }

    static std::optional<stored> stored_in(const boost::json::object& body, const char* member, part needed)
    {
        const auto* const item = body.if_contains(member);
        if (item == nullptr || !item->is_object())
            return std::nullopt;
        const auto& attributes = item->get_object();
        stored s{revision_of(attributes), head_of(attributes), {}};
        auto payload = payload_of(attributes);
        if (s.about && !payload)
            s.about = payload.error();
        else if (needed == part::whole && payload)
            s.payload = *std::move(payload);
        return s;
    }

    const config config_;
    service service_;
    table table_;
};

std::unique_ptr<backend> open(const backend_url& url, runtime& threads)
{
    return std::make_unique<dynamodb_backend>(parse_config(url), threads);
}

void check(const backend_url& url)
{
    const auto settings = parse_config(url);
    if (settings.where.tls)
        make_tls_client({.ca = settings.ca, .certificate = {}, .key = {}});
}

// For the shell of an operator who may make tables.
std::string schema(const backend_url& url)
{
    const auto settings = parse_config(url);
    const std::string where = " --region " + settings.region + " --table-name " + settings.table;
    return "aws dynamodb create-table" + where +
           " \\\n    --attribute-definitions AttributeName=handle,AttributeType=S"
           " \\\n    --key-schema AttributeName=handle,KeyType=HASH --billing-mode PAY_PER_REQUEST\n"
           "aws dynamodb wait table-exists" +
           where + "\naws dynamodb update-time-to-live" + where +
           " \\\n    --time-to-live-specification Enabled=true,AttributeName=expires_at\n";
}

} // namespace

} // namespace dynamodb

const driver dynamodb_driver{
    .says = {.title = "DynamoDB",
             .url = "`dynamodb://eu-central-1/table`",
             .survives = "the loss of a zone: DynamoDB writes to several of a region's",
             .conditional_writes = kept_by::store,
             .tombstones = "kept",
             .limits = "sessions up to 397 KiB; a table is never full"},
    .open = &dynamodb::open,
    .check = &dynamodb::check,
    .schema = &dynamodb::schema,
};

} // namespace coatcheck
