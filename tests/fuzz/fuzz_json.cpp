#include "proto/json_msgpack.hpp"
#include "tests/fuzz/require.hpp"

#include <cstdint>

using namespace coatcheck;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    std::string msgpack;
    const auto done = json_to_msgpack(input, {}, msgpack);
    if (!done) {
        require(done.error().offset <= size, "an error shows within the input");
        return 0;
    }
    std::string normal;
    require(normalize_msgpack(msgpack, {}, normal).has_value() && normal == msgpack, "what comes from JSON is normal");
    std::string json;
    require(msgpack_to_json(msgpack, {}, json).has_value(), "what comes from JSON goes back");
    std::string again;
    require(json_to_msgpack(json, {}, again).has_value() && again == msgpack, "and means the same");
    return 0;
}
