#include "proto/session_id.hpp"

#include <doctest/doctest.h>
#include <set>
#include <string>

using namespace coatcheck;

namespace {

std::string handle_of(std::string_view id, std::string key = {})
{
    return std::string(handle_maker(std::move(key))(id).str());
}

} // namespace

TEST_CASE("a handle is base64url of SHA-256 (FIPS 180-4's examples)")
{
    CHECK(handle_of("") == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    CHECK(handle_of("abc") == "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
    CHECK(handle_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "JI1qYdIGOLjlwCaTDD5gOaM85Flk_yFn9uzt1BnbBsE");
    CHECK(handle_of(std::string(1000000, 'a')) == "zcduXJkU-5KBocfihNc-Z_GAmkiklyAOBG05zMcRLNA");
}

TEST_CASE("under a key a handle is base64url of HMAC-SHA-256 (RFC 4231's test cases)")
{
    CHECK(handle_of("Hi There", std::string(20, '\x0b')) == "sDRMYdjbOFNcqK_OrwvxK4gdwgDJgz2nJuk3bC4yz_c");
    CHECK(handle_of("what do ya want for nothing?", "Jefe") == "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM");
    CHECK(handle_of("Test Using Larger Than Block-Size Key - Hash Key First", std::string(131, '\xaa')) ==
          "YOQxWR7gtn8Niiaqy_W3f44LxiE3KMUUBUYEDw7jf1Q");
    CHECK(handle_of("abc", "k") != handle_of("abc"));
}

TEST_CASE("ids of the frameworks are ids")
{
    for (const std::string_view id : {
             "JmVzc2lvbl9pZF9vZl9leHByZXNzXzMy",            // express, 32 base64url
             "8q2kf1h5m0v7t3r9c4x6b1n0za",                  // PHP, 26
             "abcdefghijklmnopqrst,-",                      // PHP, 6 bits a character, 22
             "0123456789abcdefghijklmnopqrstuv",            // Django, 32
             "Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm8", // Flask-Session, 43
             "123e4567-e89b-12d3-a456-426614174000",        // Spring, a UUID
             "A.b_c~d,e:f-0123",
         }) {
        CAPTURE(id);
        CHECK(is_session_id(id));
    }
    CHECK(is_session_id(std::string(min_id_length, 'a')));
    CHECK(is_session_id(std::string(max_id_length, 'a')));
}

TEST_CASE("texts of another length, or with any other character, are no ids")
{
    CHECK_FALSE(is_session_id(""));
    CHECK_FALSE(is_session_id(std::string(min_id_length - 1, 'a')));
    CHECK_FALSE(is_session_id(std::string(max_id_length + 1, 'a')));
    const std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~,:-";
    for (int c = 0; c < 256; ++c) {
        CAPTURE(c);
        const char character = static_cast<char>(c);
        const bool ok = allowed.find(character) != std::string_view::npos;
        CHECK(is_session_id("0123456789abcdef" + std::string(1, character)) == ok);
        CHECK(is_session_id(std::string(1, character) + "0123456789abcdef") == ok);
    }
    for (const std::string_view id :
         {"../../../../etc/passwd", "0123456789abcdef\r\nDEL *", "0123456789abcdef' OR '1'='1", "0123456789abcdef%00",
          "0123456789abcdef{tag}", "0123456789abcdef*"}) {
        CAPTURE(id);
        CHECK_FALSE(is_session_id(id));
    }
    CHECK_FALSE(is_session_id(std::string_view("0123456789abcdef\0", 17)));
}

TEST_CASE("only 43 characters of base64url are a handle")
{
    const std::string good = handle_of("abc");
    CHECK(is_handle(good));
    CHECK(handle(good).str() == good);
    CHECK_FALSE(is_handle(good + 'A'));
    CHECK_FALSE(is_handle(std::string_view(good).substr(1)));
    for (const char c : {'+', '/', '=', '.', ',', '~', ':', ' ', '\0', '\x80'}) {
        std::string bad = good;
        bad[20] = c;
        CHECK_FALSE(is_handle(bad));
    }
}

TEST_CASE("ids that are made are ids, and never the same")
{
    std::set<std::string> seen;
    std::set<char> characters;
    for (int i = 0; i < 10000; ++i) {
        const std::string id = make_session_id();
        CHECK(id.size() == 43);
        CHECK(is_session_id(id));
        CHECK(is_handle(id));
        CHECK(seen.insert(id).second);
        characters.insert(id.begin(), id.end());
    }
    CHECK(characters.size() == 64);
}
