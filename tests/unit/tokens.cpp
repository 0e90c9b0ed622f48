#include "server/tokens.hpp"
#include "backends/transport/runtime.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <thread>

using namespace coatcheck;

namespace {

// SHA-256 of "abc" (FIPS 180-4's example) and of the empty string.
const std::string hash_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string hash_of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string mistakes_in(const std::string& text)
{
    try {
        token_table::parse(text, "tokens");
    } catch (const config_error& e) {
        return e.what();
    }
    return {};
}

token_table table_with(const std::string& name, const std::string& token)
{
    token_table table;
    table.add({name, {scope::app}, std::nullopt}, token);
    return table;
}

} // namespace

TEST_CASE("a token is found by its SHA-256")
{
    const auto table =
        token_table::parse("# who      may          where\n"
                           "\n"
                           "  shop\tapp,metrics  default,shop  sha256:" +
                               hash_of_abc + "  \r\n" + "ops admin * sha256:" + std::string(64, '0') + "\n",
                           "tokens");
    const caller* shop = table.find("abc");

    REQUIRE(shop != nullptr);
    CHECK(shop->name == "shop");
    CHECK(shop->scopes == scope_set{scope::app, scope::metrics});
    CHECK(shop->stores == std::vector<std::string>{"default", "shop"});
    CHECK(table.find("abd") == nullptr);
    CHECK(table.find("") == nullptr);
    CHECK(table.find(hash_of_abc) == nullptr);
    CHECK(table.find("sha256:" + hash_of_abc) == nullptr);
}

TEST_CASE("a caller may what its scopes say, where its stores say")
{
    const caller shop{"shop", {scope::app}, std::vector<std::string>{"default"}};
    CHECK(shop.may(scope::app));
    CHECK(shop.may(scope::app, "default"));
    CHECK(!shop.may(scope::app, "other"));
    CHECK(!shop.may(scope::admin, "default"));
    CHECK(!shop.may(scope::metrics));
    const caller everywhere{"ops", {scope::admin}, std::nullopt};
    CHECK(everywhere.may(scope::admin, "any"));
    CHECK(!everywhere.may(scope::app, "any"));
}

TEST_CASE("every wrong line is told by its number, and no hash is quoted")
{
    const auto text = mistakes_in("a app * sha256:" + hash_of_abc + "\n" +               //
                                  "b app * sha256:" + hash_of_abc + "\n" +               // the same again
                                  "c app sha256:" + hash_of_nothing + "\n" +             // no stores
                                  "d sing * sha256:" + hash_of_nothing + "\n" +          //
                                  "e app Shop sha256:" + hash_of_nothing + "\n" +        //
                                  "f app * " + hash_of_nothing + "\n" +                  //
                                  "g app * sha256:" + hash_of_nothing.substr(1) + "\n" + //
                                  "h app, * sha256:" + hash_of_nothing + "\n" +          //
                                  "i app * sha256:" + "G" + hash_of_nothing.substr(1));
    CHECK(text == "tokens:2: this token stands in an earlier line already\n"
                  "tokens:3: a line has four columns: NAME SCOPES STORES sha256:HASH\n"
                  "tokens:4: a scope is app, metrics or admin; several are joined by commas\n"
                  "tokens:5: the third column is neither * nor names of stores\n"
                  "tokens:6: the fourth column is not sha256:HASH\n"
                  "tokens:7: the hash is not 64 characters of 0-9 and a-f\n"
                  "tokens:8: a scope is app, metrics or admin; several are joined by commas\n"
                  "tokens:9: the hash is not 64 characters of 0-9 and a-f");
}

TEST_CASE("a file without a token is wrong, so that one caught half-written locks nobody out")
{
    CHECK(mistakes_in("") == "tokens: there is no token in it; coatcheckd --new-token NAME --scope app makes one");
    CHECK(!mistakes_in("# nobody\n").empty());
}

TEST_CASE("a new token's line lets that token in")
{
    const auto made = new_token("shop", {scope::app, scope::admin}, {"a", "b"});
    const auto table = token_table::parse(made.line, "tokens");

    CHECK(made.text.size() == 46);
    CHECK(made.text.starts_with("cc_"));
    CHECK(made.line.find(made.text) == std::string::npos);
    const caller* who = table.find(made.text);
    REQUIRE(who != nullptr);
    CHECK(who->name == "shop");
    CHECK(who->scopes == scope_set{scope::app, scope::admin});
    CHECK(who->stores == std::vector<std::string>{"a", "b"});
    CHECK(new_token("shop", {scope::app}, {}).text != new_token("shop", {scope::app}, {}).text);
    CHECK(new_token("shop", {scope::app}, {}).line.starts_with("shop app * sha256:"));
    CHECK(new_token("shop", {scope::app}, {"*"}).line.starts_with("shop app * sha256:"));
}

TEST_CASE("a new token that the file could not hold is refused")
{
    CHECK_THROWS_AS(new_token("two words", {scope::app}, {}), std::invalid_argument);
    CHECK_THROWS_AS(new_token("#shop", {scope::app}, {}), std::invalid_argument);
    CHECK_THROWS_AS(new_token("", {scope::app}, {}), std::invalid_argument);
    CHECK_THROWS_AS(new_token("shop", {}, {}), std::invalid_argument);
    CHECK_THROWS_AS(new_token("shop", {scope::app}, {"a b"}), std::invalid_argument);
}

TEST_CASE("tokens come from the file and from the environment")
{
    const testing::temporary_folder folder;
    config c;
    CHECK(load_tokens(c).empty());
    c.token = "one-token-for-the-app";
    c.tokens_file = folder.write("tokens", "shop metrics * sha256:" + hash_of_abc);

    const auto table = load_tokens(c);

    CHECK(table.find("abc")->scopes == scope_set{scope::metrics});
    CHECK(table.find("one-token-for-the-app")->scopes == scope_set{scope::app});
    CHECK(table.find("one-token-for-the-app")->may(scope::app, "any"));
    c.tokens_file = folder / "missing";
    CHECK_THROWS_WITH_AS(load_tokens(c), doctest::Contains("missing cannot be read: No such file"), config_error);
}

TEST_CASE("a reload lets new tokens in, old ones no more, and spoils no request that runs")
{
    live_tokens live(1, table_with("old", "old-token"));
    const auto running = live.find("old-token");
    REQUIRE(running);
    CHECK(live.required());

    live.replace(table_with("new", "new-token"));

    CHECK(!live.find("old-token"));
    REQUIRE(live.find("new-token"));
    CHECK(live.find("new-token")->name == "new");
    CHECK(running->name == "old");
}

TEST_CASE("without tokens none is required and none is known")
{
    live_tokens live(1, {});
    CHECK(!live.required());
    CHECK(!live.find("anything"));
}

TEST_CASE("threads look tokens up while another replaces them")
{
    constexpr std::size_t threads = 2;
    runtime contexts(threads);
    live_tokens live(threads, table_with("a", "token"));
    std::atomic<std::size_t> found{0};
    std::vector<std::thread> running;
    for (std::size_t i = 0; i < threads; ++i) {
        boost::asio::post(contexts.context(i), [&] {
            for (int n = 0; n < 20'000; ++n)
                found += live.find("token") ? 1 : 0;
        });
        running.emplace_back([&, i] { contexts.run(i); });
    }
    for (int n = 0; n < 200; ++n)
        live.replace(table_with(n % 2 == 0 ? "b" : "a", "token"));
    for (auto& t : running)
        t.join();
    CHECK(found == threads * 20'000);
}
