#pragma once
// The bodies of requests, without I/O: DynamoDB's API of 2012-08-10, of which backends/dynamodb/README.md names what is
// used.

#include "proto/change.hpp"
#include "proto/record.hpp"
#include "proto/session_id.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck::dynamodb::commands {

// What an item must still be for a change of it. The revision alone does not tell: an item that is remembered no longer
// is replaced by one that counts from 1 again, but is kept longer. Without one, any item that is there.
using unchanged = std::optional<head>;

std::string get(std::string_view table, const handle& key, bool whole);

// Refuses to replace anything, and says what is there.
std::string insert(std::string_view table, const handle& key, const head& about, std::string_view payload);

std::string replace(std::string_view table, const handle& key, const unchanged& old, const head& about,
                    std::string_view payload);
std::string replace_head(std::string_view table, const handle& key, const head& old, const head& about);

// A write over a live session whose idle timeout is `changes.idle` or the default, and whose absolute end is later than
// a full one, in one step: what apply() makes of such a head. Answers the new item; says what is there if it is
// another.
std::string overwrite(std::string_view table, const handle& key, const head_changes& changes, precondition when,
                      std::string_view payload, time_point now);

std::string create_table(std::string_view table);
std::string enable_expiry(std::string_view table);
std::string describe(std::string_view table); // of DescribeTable and DescribeTimeToLive

} // namespace coatcheck::dynamodb::commands
