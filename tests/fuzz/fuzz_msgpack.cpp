#include "proto/json_msgpack.hpp"
#include "tests/fuzz/require.hpp"

#include <cstdint>

using namespace coatcheck;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    std::string normal;
    std::string json;
    const auto normalized = normalize_msgpack(input, {}, normal);
    const auto shown = msgpack_to_json(input, {}, json);
    require(normalized.has_value() == shown.has_value(), "what is accepted can be shown, and what is not can not");
    if (!normalized) {
        require(normalized.error().offset <= size, "an error shows within the input");
        require(shown.error().offset <= size, "so does the other");
        return 0;
    }

    std::string again;
    require(normalize_msgpack(normal, {}, again).has_value() && again == normal, "normal stays as it is");
    json.clear();
    require(msgpack_to_json(normal, {}, json).has_value(), "normal data can be shown");
    std::string back;
    require(json_to_msgpack(json, {}, back).has_value(), "what is shown can be sent");
    again.clear();
    require(normalize_msgpack(back, {}, again).has_value() && again == back, "and is normal then");
    again.clear();
    require(msgpack_to_json(back, {}, again).has_value() && again == json, "and shows the same");
    return 0;
}
