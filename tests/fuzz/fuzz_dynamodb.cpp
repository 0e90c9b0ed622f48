// Whatever a server says: no crash, and an item that is a record is one again when it is written.

#include "backends/dynamodb/answer.hpp"
#include "backends/dynamodb/commands.hpp"
#include "backends/dynamodb/credentials/answers.hpp"
#include "backends/dynamodb/credentials/profile_file.hpp"
#include "backends/dynamodb/item.hpp"
#include "tests/fuzz/require.hpp"

#include <boost/json.hpp>

#include <cstdint>

using namespace coatcheck;
using namespace coatcheck::dynamodb;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
    read_json_credentials(bytes);
    read_sts_credentials(bytes);
    find_profile(bytes, "a", data[0] % 2 == 0);
    read_answer(data[0] % 2 == 0 ? 400 : 500, bytes);

    const auto a = read_answer(200, bytes);
    const auto* const item = a.body.if_contains("Item");
    if (item == nullptr || !item->is_object())
        return 0;
    const auto about = head_of(item->get_object());
    const auto payload = payload_of(item->get_object());
    if (!about || !payload)
        return 0;
    static const auto key = handle_maker()("0123456789abcdef");
    const auto again = boost::json::parse(commands::insert("sessions", key, *about, *payload));
    const auto& written = again.at("Item").get_object();
    fuzz::require(*head_of(written) == *about, "the head comes back");
    fuzz::require(*payload_of(written) == *payload, "the payload comes back");
    return 0;
}
