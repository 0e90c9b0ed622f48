#pragma once
// What DynamoDB answers, without I/O.

#include <boost/json/object.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace coatcheck::dynamodb {

struct answer {
    enum class type : std::uint8_t {
        done,
        condition_failed, // `body` may hold what is stored, as "Item"
        no_table,
        in_use, // the table is being made, changed or removed, or is there already
        item_too_large,
        throttled, // nothing was done; later is fine
        expired,   // the credentials; nothing was done
        refused,   // who asks, or what is asked, is not allowed; nothing was done
        unknown,   // the server failed: it may have been done or not
        wrong,     // anything else that was not done
    };

    type what = type::done;
    std::string detail; // for the log; without secrets
    boost::json::object body;
};

answer read_answer(unsigned status, std::string_view body);

} // namespace coatcheck::dynamodb
