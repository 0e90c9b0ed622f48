#include "backends/dynamodb/commands.hpp"

#include "backends/dynamodb/item.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace coatcheck::dynamodb::commands {

namespace {

std::string begin(std::string_view table)
{
    return std::string(R"({"TableName":")").append(table).append("\"");
}

void append_key(std::string& out, const handle& key)
{
    out.append(R"(,"Key":{"handle":{"S":")").append(key.str()).append("\"}}");
}

std::array<std::pair<std::string_view, std::string_view>, 2> texts_of(const head& about)
{
    return {{{"subject", about.subject}, {"label", about.label}}};
}

void append_item(std::string& out, const handle& key, const head& about, std::string_view payload)
{
    out.append(R"(,"Item":{"handle":{"S":")").append(key.str()).append("\"}");
    for (const auto& [name, value] : numbers_of(about))
        append_number(out, name, value);
    for (const auto& [name, value] : texts_of(about))
        if (!value.empty())
            append_bytes(out, name, value);
    if (!payload.empty())
        append_bytes(out, "payload", payload);
    out.append("}");
}

// `,"Member":"expression"`: the expressions here need no escaping.
void append_text(std::string& out, std::string_view member, std::string_view text)
{
    out.append(",\"").append(member).append("\":\"").append(text).append("\"");
}

// A value that is written as `,":name":{…}`: the first loses its comma.
void append_values(std::string& out, std::string_view values)
{
    out.append(R"(,"ExpressionAttributeValues":{)").append(values.substr(1)).append("}");
}

std::uint64_t ms(time_point t)
{
    return static_cast<std::uint64_t>(t.time_since_epoch().count());
}

constexpr std::string_view as_read = "revision = :old_revision AND keep_until = :old_keep";

void append_as_read(std::string& values, const head& old)
{
    append_number(values, ":old_revision", old.revision);
    append_number(values, ":old_keep", ms(old.keep_until));
}

// Attributes to set to the values that the placeholders of their names stand for; what is empty is removed.
struct update_expression {
    std::string sets;
    std::string removes;
    std::string values;

    void set(std::string_view name, std::uint64_t value)
    {
        set_to(name, ":" + std::string(name));
        append_number(values, ":" + std::string(name), value);
    }

    void set(std::string_view name, std::string_view value)
    {
        if (value.empty()) {
            removes.append(removes.empty() ? " REMOVE " : ", ").append(name);
            return;
        }
        set_to(name, ":" + std::string(name));
        append_bytes(values, ":" + std::string(name), value);
    }

    void set_to(std::string_view name, std::string_view what)
    {
        sets.append(sets.empty() ? "SET " : ", ").append(name).append(" = ").append(what);
    }

    std::string text() const { return sets + removes; }
};

constexpr std::string_view says_what_is_there = "ReturnValuesOnConditionCheckFailure";

} // namespace

std::string get(std::string_view table, const handle& key, bool whole)
{
    auto out = begin(table);
    append_key(out, key);
    out.append(R"(,"ConsistentRead":true)");
    if (!whole)
        append_text(out, "ProjectionExpression", head_attributes);
    return out.append("}");
}

std::string insert(std::string_view table, const handle& key, const head& about, std::string_view payload)
{
    auto out = begin(table);
    append_item(out, key, about, payload);
    append_text(out, "ConditionExpression", "attribute_not_exists(handle)");
    append_text(out, says_what_is_there, "ALL_OLD");
    return out.append("}");
}

std::string replace(std::string_view table, const handle& key, const unchanged& old, const head& about,
                    std::string_view payload)
{
    auto out = begin(table);
    append_item(out, key, about, payload);
    append_text(out, "ConditionExpression", old ? as_read : "attribute_exists(handle)");
    if (old) {
        std::string values;
        append_as_read(values, *old);
        append_values(out, values);
    }
    return out.append("}");
}

std::string replace_head(std::string_view table, const handle& key, const head& old, const head& about)
{
    update_expression update;
    for (const auto& [name, value] : numbers_of(about))
        update.set(name, value);
    for (const auto& [name, value] : texts_of(about))
        update.set(name, value);
    append_as_read(update.values, old);
    auto out = begin(table);
    append_key(out, key);
    append_text(out, "UpdateExpression", update.text());
    append_text(out, "ConditionExpression", as_read);
    append_values(out, update.values);
    return out.append("}");
}

std::string overwrite(std::string_view table, const handle& key, const head_changes& changes, precondition when,
                      std::string_view payload, time_point now)
{
    const auto idle = changes.idle.value_or(changes.default_idle);
    const auto expires = next_expiry(idle, never, now);
    const auto keep_until = expires + changes.keep_after_end;
    update_expression update;
    update.set_to("revision", "revision + :one");
    update.set("data_version", changes.next.bits);
    update.set("last_seen", ms(now));
    update.set("expires", ms(expires));
    update.set("keep_until", ms(keep_until));
    update.set("expires_at", expires_at(keep_until));
    update.set("idle", static_cast<std::uint64_t>(idle.count()));
    if (changes.subject)
        update.set("subject", *changes.subject);
    if (changes.label)
        update.set("label", *changes.label);
    update.set("payload", payload);
    // What head_of() wants of all attributes is tested too: what is no record is never replaced.
    std::string condition = "record_format = :one AND kind = :one AND expires > :last_seen AND "
                            "keep_until > :last_seen AND revision BETWEEN :one AND :most AND "
                            "data_version BETWEEN :zero AND :most AND lock_token BETWEEN :zero AND :most AND "
                            "created BETWEEN :epoch AND :never AND last_seen BETWEEN :zero AND :never AND "
                            "expires <= :never AND absolute_end <= :never AND keep_until <= :never AND "
                            "locked_until BETWEEN :zero AND :never AND "
                            "(attribute_not_exists(subject) OR attribute_type(subject, :bytes)) AND "
                            "(attribute_not_exists(label) OR attribute_type(label, :bytes)) AND "
                            "(attribute_not_exists(payload) OR attribute_type(payload, :bytes))";
    append_number(update.values, ":epoch", ms(changes.epoch));
    condition += changes.lock_token ? " AND lock_token = :token" : " AND locked_until <= :last_seen";
    if (changes.lock_token)
        append_number(update.values, ":token", *changes.lock_token);
    append_number(update.values, ":zero", 0);
    append_number(update.values, ":never", ms(never));
    append_number(update.values, ":one", 1);
    append_number(update.values, ":most", std::numeric_limits<std::uint64_t>::max());
    update.values.append(R"(,":bytes":{"S":"B"})");
    condition += changes.idle ? " AND idle BETWEEN :zero AND :longest" : " AND idle = :idle";
    if (changes.idle)
        append_number(update.values, ":longest", std::numeric_limits<std::uint32_t>::max());
    if (changes.absolute) {
        update.set_to("absolute_end", "created + :absolute");
        // created + absolute >= expires, as far as what a condition can say.
        condition += " AND created >= :created AND absolute_end >= :zero";
        const std::chrono::milliseconds absolute = *changes.absolute;
        append_number(update.values, ":absolute", static_cast<std::uint64_t>(absolute.count()));
        append_number(update.values, ":created", ms(std::max(time_point{}, expires - absolute)));
    } else {
        condition += " AND absolute_end >= :expires";
    }
    if (when.what() == precondition::test::same_version) {
        condition += " AND data_version = :expected";
        append_number(update.values, ":expected", when.value());
    } else if (when.what() == precondition::test::same_revision) {
        condition += " AND revision = :expected";
        append_number(update.values, ":expected", when.value());
    }
    auto out = begin(table);
    append_key(out, key);
    append_text(out, "UpdateExpression", update.text());
    append_text(out, "ConditionExpression", condition);
    append_values(out, update.values);
    append_text(out, "ReturnValues", "ALL_NEW");
    append_text(out, says_what_is_there, "ALL_OLD");
    return out.append("}");
}

std::string create_table(std::string_view table)
{
    return begin(table).append(R"(,"AttributeDefinitions":[{"AttributeName":"handle","AttributeType":"S"}],)"
                               R"("KeySchema":[{"AttributeName":"handle","KeyType":"HASH"}],)"
                               R"("BillingMode":"PAY_PER_REQUEST"})");
}

std::string enable_expiry(std::string_view table)
{
    return begin(table).append(R"(,"TimeToLiveSpecification":{"AttributeName":"expires_at","Enabled":true}})");
}

std::string describe(std::string_view table)
{
    return begin(table).append("}");
}

} // namespace coatcheck::dynamodb::commands
