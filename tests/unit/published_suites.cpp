#include "proto/base64.hpp"
#include "proto/timestamp.hpp"
#include "tests/unit/codec.hpp"
#include "tests/unit/skip.hpp"

#include <boost/json.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace coatcheck;
using namespace coatcheck::test;
namespace json = boost::json;

namespace {

// A file of the packages that tests/support/testdata installs; empty, and the test skipped, if it is not there.
std::string package_file(const std::string& name)
{
    const auto path = std::filesystem::path(COATCHECK_TESTDATA) / "node_modules" / name;
    if (!std::filesystem::exists(path)) {
        skip("no " + name + " below " COATCHECK_TESTDATA " (tests/support/testdata installs it)");
        return {};
    }
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// One map that holds the document, which most of the suite's are not.
std::string wrapped(const std::string& document)
{
    return "{\"v\":" + document + "}";
}

std::string base64_of(const json::value& hex)
{
    const std::string bytes = from_hex(hex.as_string());
    std::string out(base64_length(bytes.size()) + 1, '\0');
    base64_encode(bytes, out.data());
    out.pop_back();
    return out;
}

// The JSON view of what a test of the MessagePack suite stands for.
json::value expected_view(const json::object& test)
{
    if (const auto* const number = test.if_contains("bignum"))
        return json::parse(number->as_string());
    if (const auto* const hex = test.if_contains("binary"))
        return {{"$bytes", base64_of(*hex)}};
    if (const auto* const ext = test.if_contains("ext"))
        return {{"$ext", {ext->at(0), base64_of(ext->at(1))}}};
    if (const auto* const time = test.if_contains("timestamp")) {
        std::string text(rfc3339_max_length, '\0');
        text.resize(write_rfc3339({time->at(0).to_number<std::int64_t>(), time->at(1).to_number<std::uint32_t>()},
                                  text.data()));
        return {{"$time", text}};
    }
    for (const std::string_view key : {"nil", "bool", "number", "string", "array", "map"}) {
        if (const auto* const plain = test.if_contains(key))
            return *plain;
    }
    FAIL("a test of an unknown type");
    return nullptr;
}

} // namespace

TEST_SUITE("published")
{
    TEST_CASE("JSON that RFC 8259 allows is read and means the same, other is refused (json-test-suite)")
    {
        std::string file = package_file("json-test-suite/data/parsing.js");
        if (file.empty())
            return;
        // An ECMAScript module around one JSON array.
        const auto array = file.find('[');
        REQUIRE(array != std::string::npos);
        const json::value suite = json::parse(std::string_view(file).substr(array, file.rfind(']') + 1 - array));

        int valid = 0;
        int invalid = 0;
        int open = 0;
        for (const json::value& test : suite.as_array()) {
            const std::string name(test.at("name").as_string());
            const std::string document(test.at("input").as_string());
            CAPTURE(name);
            std::string msgpack;
            const auto done = json_to_msgpack(wrapped(document), {}, msgpack);
            switch (name.front()) {
            case 'y': {
                ++valid;
                REQUIRE(done.has_value());
                CHECK(json::parse(converted(msgpack_to_json, msgpack)) == json::parse(wrapped(document)));
                if (document.starts_with('{'))
                    CHECK(wrapped(converted(msgpack_to_json, converted(json_to_msgpack, document))) ==
                          converted(msgpack_to_json, msgpack));
                break;
            }
            case 'n':
                ++invalid;
                CHECK(done.has_error());
                CHECK(refused(json_to_msgpack, document).code != errc::too_large);
                break;
            default:
                ++open;
            }
        }
        MESSAGE(valid << " valid, " << invalid << " invalid, " << open << " left open by the RFC");
        CHECK(valid == 95);
        CHECK(invalid == 188);
    }

    TEST_CASE("every encoding of every value has the same JSON, which has one of the encodings (msgpack-test-suite)")
    {
        const std::string file = package_file("msgpack-test-suite/dist/msgpack-test-suite.json");
        if (file.empty())
            return;
        int values = 0;
        int encodings = 0;
        const json::value suite = json::parse(file);
        for (const auto& group : suite.as_object()) {
            for (const json::value& test : group.value().as_array()) {
                ++values;
                const json::value expected = expected_view(test.as_object());
                CAPTURE(json::serialize(expected));
                bool encoded_so = false;
                for (const json::value& hex : test.at("msgpack").as_array()) {
                    ++encodings;
                    CAPTURE(std::string(hex.as_string()));
                    const std::string value = from_hex(hex.as_string());
                    const std::string text = unpacked(value);
                    const json::value view = json::parse(text);
                    // Some integers come as floats too.
                    if (view.is_double() && !expected.is_double())
                        CHECK(view.to_number<double>() == expected.to_number<double>());
                    else
                        CHECK(view == expected);
                    encoded_so = encoded_so || packed(text) == value;
                    CHECK(converted(msgpack_to_json, converted(normalize_msgpack, "\x81\xa1v" + value)) ==
                          wrapped(text));
                }
                CHECK(encoded_so);
            }
        }
        MESSAGE(values << " values, " << encodings << " encodings");
        CHECK(values == 85);
        CHECK(encodings == 233);
    }
}
