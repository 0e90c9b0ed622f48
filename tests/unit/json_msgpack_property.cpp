#include "tests/unit/sample_data.hpp"

#include "tests/unit/codec.hpp"

using namespace coatcheck;
using namespace coatcheck::test;

TEST_CASE("whatever MessagePack holds survives the way through JSON")
{
    const auto seed = new_seed();
    CAPTURE(seed);
    sample_data sample(seed);
    const data_limits limits{.bytes = 4U << 20U};
    for (int i = 0; i < 3000; ++i) {
        const std::string sent = sample.document();
        const std::string kept = converted(normalize_msgpack, sent, limits);
        const std::string json = converted(msgpack_to_json, kept, limits);
        const std::string back = converted(json_to_msgpack, json, limits);
        INFO("sent: ", to_hex(sent));
        // The JSON is that of every encoding; what came through it is normal, and normal stays as it is.
        REQUIRE(converted(msgpack_to_json, back, limits) == json);
        REQUIRE(converted(normalize_msgpack, kept, limits) == kept);
        REQUIRE(converted(normalize_msgpack, back, limits) == back);
    }
}

TEST_CASE("no change of a byte makes a codec do more than refuse")
{
    const auto seed = new_seed();
    CAPTURE(seed);
    sample_data sample(seed);
    for (int i = 0; i < 300; ++i) {
        const std::string msgpack = converted(normalize_msgpack, sample.document(), {.bytes = 4U << 20U});
        const std::string json = converted(msgpack_to_json, msgpack, {.bytes = 4U << 20U});
        for (int change = 0; change < 20; ++change) {
            std::string out;
            (void)normalize_msgpack(sample.damaged(msgpack), {}, out);
            (void)msgpack_to_json(sample.damaged(msgpack), {}, out);
            (void)json_to_msgpack(sample.damaged(json), {}, out);
        }
    }
}
