#include "server/arguments.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace coatcheck;
using action = arguments::action;

namespace {

arguments parsed(std::vector<const char*> words)
{
    words.insert(words.begin(), "coatcheckd");
    return parse_arguments(static_cast<int>(words.size()), words.data());
}

} // namespace

TEST_CASE("without arguments the daemon serves")
{
    const auto a = parsed({});
    CHECK(a.what == action::serve);
    CHECK(a.config_file.empty());
    CHECK(!a.insecure);
}

TEST_CASE("each action has its argument")
{
    CHECK(parsed({"--check"}).what == action::check);
    CHECK(parsed({"--handle", "--config", "a.yaml"}).what == action::print_handle);
    CHECK(parsed({"--version"}).what == action::version);
    CHECK(parsed({"--help"}).what == action::help);
    CHECK(parsed({"--new-key"}).what == action::new_key);
    CHECK(parsed({"--config", "a.yaml", "--insecure"}).what == action::serve);
    CHECK(parsed({"--config", "a.yaml", "--insecure"}).insecure);
    CHECK(parsed({"--config=a.yaml", "--check"}).config_file == "a.yaml");
}

TEST_CASE("the target of --health may be left out")
{
    CHECK(parsed({"--health"}).what == action::health);
    CHECK(parsed({"--health"}).health_target.empty());
    CHECK(parsed({"--health", "unix:/run/c.sock"}).health_target == "unix:/run/c.sock");
    CHECK(parsed({"--health", "--config", "a.yaml"}).health_target.empty());
    CHECK(parsed({"--health", "--config", "a.yaml"}).config_file == "a.yaml");
}

TEST_CASE("a new token has a name, scopes and stores")
{
    const auto a = parsed({"--new-token", "shop", "--scope", "app,metrics", "--stores", "a,b"});
    CHECK(a.what == action::new_token);
    CHECK(a.token_name == "shop");
    CHECK(a.token_scopes == scope_set{scope::app, scope::metrics});
    CHECK(a.token_stores == std::vector<std::string>{"a", "b"});
    CHECK(parsed({"--new-token", "shop"}).token_scopes == scope_set{scope::app});
    CHECK(parsed({"--new-token", "shop"}).token_stores.empty());
}

TEST_CASE("what makes no sense is refused")
{
    for (const auto& words : std::vector<std::vector<const char*>>{{"--chekc"},
                                                                   {"serve"},
                                                                   {"--config"},
                                                                   {"--check", "--version"},
                                                                   {"--handle", "an-id-that-others-would-see"},
                                                                   {"--new-token"},
                                                                   {"--scope", "app"},
                                                                   {"--stores", "a"},
                                                                   {"--new-token", "a", "--scope", "sing"},
                                                                   {"--health", "a", "b"},
                                                                   {"--check", "extra"}})
        CHECK_THROWS_AS(parsed(words), usage_error);
}

TEST_CASE("the usage names every argument")
{
    const auto text = usage();
    for (const std::string name : {"--config", "--check", "--version", "--help", "--handle", "--health", "--insecure",
                                   "--new-token", "--scope", "--stores", "COATCHECK_STORE"})
        CHECK(text.find(name) != text.npos);
}
