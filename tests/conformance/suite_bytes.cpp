// Payloads, subjects and labels of any bytes and of every size that is allowed.

#include "proto/random.hpp"
#include "tests/conformance/fixture.hpp"

#include <algorithm>
#include <span>

namespace coatcheck::conformance {

namespace {

std::string all_bytes()
{
    std::string text;
    for (int i = 0; i < 256; ++i)
        text += static_cast<char>(i);
    return text;
}

std::string random_text(std::size_t size)
{
    std::string text(size, '\0');
    random_bytes({reinterpret_cast<unsigned char*>(text.data()), text.size()});
    return text;
}

} // namespace

TEST_CASE("payloads come back as they were written")
{
    fixture f;
    const auto key = f.new_key();
    const std::size_t largest = f.store().caps().max_payload.value_or(std::size_t{1} << 20U);
    const std::string payloads[] = {
        "",
        std::string(1, '\0'),
        std::string("a\0b\0", 4),
        "\r\n$5\r\nhello\r\n",
        "'; DROP TABLE sessions; --",
        all_bytes(),
        "\xff\xfe not UTF-8 \xc3",
        random_text(4095),
        random_text(std::min(largest, std::size_t{65536})),
        random_text(std::min(largest, std::size_t{1} << 20U)),
        "",
    };
    for (const auto& payload : payloads) {
        CAPTURE(payload.size());
        f.put(key, payload);
        const auto held = f.load(key);
        REQUIRE(held);
        CHECK((held->payload == payload));
    }
}

TEST_CASE("a session can be created empty and refused writes leave it so")
{
    fixture f;
    const auto key = f.new_key();
    f.put(key, "", precondition::absent());
    f.put(key, "red", precondition::absent());
    CHECK(f.load(key)->payload.empty());
}

TEST_CASE("subjects and labels of any bytes come back as they were written, up to their limits")
{
    fixture f;
    const std::pair<std::string, std::string> pairs[] = {
        {"ada", ""},
        {"", "phone"},
        {std::string(max_subject_length, 's'), std::string(max_label_length, 'l')},
        {std::string(max_subject_length, '\xff'), std::string(max_label_length, '\0')},
        {all_bytes(), "\r\n"},
        {std::string("a\0b", 3), all_bytes()},
        {"'\"\\%_", "{\"label\":1}"},
        {"\xc3\x84rger \xf0\x9f\xa7\xa5", "\xe6\x89\x8b\xe6\xa9\x9f"},
    };
    const auto reused = f.new_key();
    for (const auto& [subject, label] : pairs) {
        auto changes = plain_changes();
        changes.subject = subject;
        changes.label = label;
        for (const auto& key : {f.new_key(), reused}) {
            f.put(key, "red", precondition::none(), changes);
            f.now += 30min;
            f.extend(key);
            const auto held = f.load(key);
            REQUIRE(held);
            CHECK((held->about.subject == subject));
            CHECK((held->about.label == label));
            CHECK(held->payload == "red");
        }
    }
}

TEST_CASE("a payload of exactly what the store takes is kept, with the longest subject and label")
{
    fixture f;
    REQUIRE(f.wait(f.store().probe(soon())).has_value()); // a server's own limit is known when it has answered
    const auto limit = f.store().caps().max_payload;
    if (!limit || *limit > (std::size_t{20} << 20U))
        return; // More than a test should send.
    auto changes = plain_changes();
    changes.subject = std::string(max_subject_length, 's');
    changes.label = std::string(max_label_length, 'l');
    const auto key = f.new_key();
    const std::string payload = random_text(*limit);
    f.put(key, "red", precondition::none(), changes);
    f.put(key, payload);
    const auto held = f.load(key);
    REQUIRE(held);
    CHECK((held->payload == payload));
    f.now += 30min;
    f.extend(key);
    f.end(key);
}

TEST_CASE("a payload beyond what the store takes is refused and changes nothing")
{
    fixture f;
    const auto limit = f.store().caps().max_payload;
    if (!limit || *limit > (std::size_t{64} << 20U))
        return; // Nothing to refuse, or more than a test should send.
    const auto key = f.new_key();
    f.put(key, "red");
    const std::string payload(*limit + 1, 'x');
    const auto changes = plain_changes();
    const auto answer = f.wait(f.store().put(key, changes, payload, precondition::none(), f.now, soon()));
    REQUIRE(!answer.has_value());
    CHECK(answer.error().code == errc::too_large);
    CHECK(f.load(key)->payload == "red");
}

} // namespace coatcheck::conformance
