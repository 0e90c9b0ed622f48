#include "backends/dynamodb/table.hpp"

#include "backends/dynamodb/commands.hpp"
#include "backends/transport/pause.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json.hpp>

#include <utility>

namespace coatcheck::dynamodb {

namespace {

using namespace std::chrono_literals;

constexpr auto poll = 200ms; // at most, while a table is being made
constexpr unsigned most_missing = 25;
constexpr std::string_view no_table = "none";
constexpr auto patience = 5min;  // with a table that is being made
constexpr auto for_a_call = 10s; // of those that no caller waits for

deadline within(std::chrono::milliseconds time)
{
    return std::chrono::steady_clock::now() + time;
}

std::string text_at(const boost::json::object& from, const char* outer, const char* inner)
{
    const auto* const object = from.if_contains(outer);
    const auto* const value =
        object != nullptr && object->is_object() ? object->get_object().if_contains(inner) : nullptr;
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

} // namespace

table::table(const config& settings, service& calls, runtime& threads)
    : config_(settings), service_(calls), threads_(threads)
{}

void table::start(awaitable<void> work)
{
    boost::asio::co_spawn(threads_.context(runtime::this_thread()).get_executor(), std::move(work),
                          boost::asio::detached);
}

awaitable<result<answer>> table::call(std::string_view operation, std::string body, effect does, deadline by)
{
    for (;;) {
        auto got = co_await service_.call(operation, body, does, by);
        if (!got)
            co_return got;
        if (got->what != answer::type::no_table && got->what != answer::type::in_use) {
            if (!looked_.exchange(true))
                start(look());
            co_return got;
        }
        if (!config_.create)
            co_return failure{errc::unavailable, "DynamoDB has no table '" + config_.table + "': " + got->detail};
        if (!making_.exchange(true)) {
            expiry_ = expiry::not_known;
            const auto begun = co_await make(by);
            if (!begun) {
                making_ = false;
                co_return begun.error();
            }
            start(finish());
        }
        if (!co_await pause_at_most(poll, by))
            co_return failure{errc::unavailable, "DynamoDB is still making the table '" + config_.table + "'"};
    }
}

// Asks for the table; that others do too is no failure.
awaitable<result<void>> table::make(deadline by)
{
    const auto made = co_await service_.call("CreateTable", commands::create_table(config_.table), effect::writes, by);
    if (!made)
        co_return failure{made.error().code == errc::timed_out ? errc::unavailable : made.error().code,
                          "the table '" + config_.table +
                              "' is not there, and making it failed: " + made.error().detail};
    co_return result<void>();
}

// Waits until the table is there, and has DynamoDB remove what has expired.
awaitable<void> table::finish()
{
    const auto by = within(patience);
    unsigned missing = 0;
    for (auto now = co_await status(by); now != "ACTIVE"; now = co_await status(by)) {
        // A table that was asked for is not seen at once; one that was being removed does not come back.
        missing += now == no_table ? 1 : 0;
        if (missing == most_missing || !co_await pause_at_most(poll * 2, by)) {
            making_ = false;
            co_return;
        }
    }
    looked_ = true;
    while (expiry_ != expiry::on) {
        const auto got = co_await service_.call("UpdateTimeToLive", commands::enable_expiry(config_.table),
                                                effect::reads, std::min(by, within(for_a_call)));
        // Another daemon may have been faster: that is an error too, as is a right that is missing.
        expiry_ = got && got->what == answer::type::done ? expiry::on : expiry::off;
        if (expiry_ == expiry::off)
            co_await look();
        if (expiry_ == expiry::off && !co_await pause_at_most(poll * 10, by))
            break;
    }
    making_ = false;
}

awaitable<std::string> table::status(deadline by)
{
    const auto got = co_await service_.call("DescribeTable", commands::describe(config_.table), effect::reads,
                                            std::min(by, within(for_a_call)));
    if (!got)
        co_return std::string();
    co_return got->what == answer::type::done ? text_at(got->body, "Table", "TableStatus") : std::string(no_table);
}

awaitable<void> table::look()
{
    const auto got = co_await service_.call("DescribeTimeToLive", commands::describe(config_.table), effect::reads,
                                            within(for_a_call));
    if (!got || got->what != answer::type::done)
        co_return; // a right that is missing, most likely
    const auto status = text_at(got->body, "TimeToLiveDescription", "TimeToLiveStatus");
    const auto attribute = text_at(got->body, "TimeToLiveDescription", "AttributeName");
    const bool on = (status == "ENABLED" || status == "ENABLING") && attribute == "expires_at";
    expiry_ = on ? expiry::on : expiry::off;
}

acknowledgement table::acknowledges() const
{
    acknowledgement a;
    if (config_.amazon) {
        a.means = "written to DynamoDB in " + config_.region + ": on disks in several of the region's zones";
    } else {
        a.means = "written to the endpoint " + config_.where.host + ", which is not Amazon's";
        a.warning = "what a server other than DynamoDB itself keeps is not known; DynamoDB Local is for tests";
    }
    if (expiry_ == expiry::off)
        a.warning.append(a.warning.empty() ? "" : "; ")
            .append("the table '" + config_.table +
                    "' never forgets, and grows: enable time to live on its attribute expires_at");
    return a;
}

} // namespace coatcheck::dynamodb
