#include "server/tokens.hpp"

#include "proto/base64url.hpp"
#include "proto/random.hpp"
#include "proto/sha256.hpp"
#include "server/text_file.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace coatcheck {

namespace {

constexpr std::array<std::string_view, 3> scope_names{"app", "metrics", "admin"};
constexpr std::string_view hash_prefix = "sha256:";

std::string hex(const sha256_digest& d)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const unsigned char byte : d)
        out.append({digits[byte >> 4U], digits[byte & 15U]});
    return out;
}

sha256_digest parse_hash(std::string_view text)
{
    const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    sha256_digest out;
    if (!text.starts_with(hash_prefix))
        throw std::invalid_argument("the fourth column is not sha256:HASH");
    text.remove_prefix(hash_prefix.size());
    if (text.size() != 2 * out.size() || !std::ranges::all_of(text, is_hex))
        throw std::invalid_argument("the hash is not 64 characters of 0-9 and a-f");
    for (std::size_t i = 0; i < out.size(); ++i)
        std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, out[i], 16);
    return out;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators)
{
    std::vector<std::string_view> parts;
    for (std::size_t from = 0; from <= text.size();) {
        const auto to = std::min(text.find_first_of(separators, from), text.size());
        parts.push_back(text.substr(from, to - from));
        from = to + 1;
    }
    return parts;
}

bool is_store_list(const std::vector<std::string>& stores)
{
    return std::ranges::all_of(stores, [](const std::string& s) { return is_store_name(s); });
}

bool is_token_name(std::string_view name) noexcept
{
    return !name.empty() && name.size() <= 64 && !name.starts_with('#') &&
           std::ranges::all_of(name, [](char c) { return c > ' ' && c < '\x7f'; });
}

caller parse_caller(std::string_view name, std::string_view scopes, std::string_view stores)
{
    if (!is_token_name(name))
        throw std::invalid_argument("the name is longer than 64 characters or not printable ASCII");
    caller who{std::string(name), scope_set::parse(scopes), {}};
    if (stores != "*") {
        const auto names = split(stores, ",");
        who.stores.emplace(names.begin(), names.end());
        if (!is_store_list(*who.stores))
            throw std::invalid_argument("the third column is neither * nor names of stores");
    }
    return who;
}

} // namespace

scope_set scope_set::parse(std::string_view text)
{
    scope_set out;
    for (const auto name : split(text, ",")) {
        const auto found = std::ranges::find(scope_names, name);
        if (found == scope_names.end())
            throw std::invalid_argument("a scope is app, metrics or admin; several are joined by commas");
        out.add(static_cast<scope>(found - scope_names.begin()));
    }
    return out;
}

std::string scope_set::str() const
{
    std::string out;
    for (std::size_t i = 0; i < scope_names.size(); ++i)
        if (contains(static_cast<scope>(i)))
            out.append(out.empty() ? "" : ",").append(scope_names[i]);
    return out;
}

bool caller::may(scope what, std::string_view store) const noexcept
{
    return scopes.contains(what) && (!stores || std::ranges::find(*stores, store) != stores->end());
}

token_table token_table::parse(std::string_view text, const std::string& file)
{
    token_table table;
    std::string mistakes;
    std::size_t number = 0;
    for (const auto line : split(text, "\n")) {
        ++number;
        auto columns = split(line, " \t\r");
        std::erase_if(columns, [](std::string_view c) { return c.empty(); });
        if (columns.empty() || columns[0].starts_with('#'))
            continue;
        try {
            if (columns.size() != 4)
                throw std::invalid_argument("a line has four columns: NAME SCOPES STORES sha256:HASH");
            entry next{parse_hash(columns[3]), parse_caller(columns[0], columns[1], columns[2])};
            if (std::ranges::find(table.entries_, next.hash, &entry::hash) != table.entries_.end())
                throw std::invalid_argument("this token stands in an earlier line already");
            table.entries_.push_back(std::move(next));
        } catch (const std::invalid_argument& e) {
            mistakes += file + ":" + std::to_string(number) + ": " + e.what() + "\n";
        }
    }
    if (mistakes.empty() && table.empty())
        mistakes = file + ": there is no token in it; coatcheckd --new-token NAME --scope app makes one\n";
    if (!mistakes.empty()) {
        mistakes.pop_back();
        throw config_error(mistakes);
    }
    return table;
}

void token_table::add(caller who, std::string_view token)
{
    entries_.push_back({sha256(token), std::move(who)});
}

const caller* token_table::find(std::string_view bearer) const
{
    const sha256_digest presented = sha256(bearer);
    const caller* found = nullptr;
    for (const auto& e : entries_)
        if (CRYPTO_memcmp(presented.data(), e.hash.data(), presented.size()) == 0)
            found = &e.who;
    return found;
}

token_table load_tokens(const config& c)
{
    token_table table;
    if (!c.tokens_file.empty()) {
        std::string text;
        try {
            text = read_text_file(c.tokens_file);
        } catch (const std::runtime_error& e) {
            throw config_error(std::string("tokens_file: ") + e.what());
        }
        table = token_table::parse(text, c.tokens_file);
    }
    if (!c.token.empty())
        table.add({"COATCHECK_TOKEN", {scope::app}, std::nullopt}, c.token);
    return table;
}

fresh_token new_token(const std::string& name, scope_set scopes, const std::vector<std::string>& stores)
{
    if (!is_token_name(name))
        throw std::invalid_argument(
            "the name of a token is 1 to 64 printable characters without spaces, not begun by #");
    if (scopes.empty())
        throw std::invalid_argument("a token without a scope could do nothing");
    const bool all = stores.empty() || stores == std::vector<std::string>{"*"}; // as the tokens file spells it
    if (!all && !is_store_list(stores))
        throw std::invalid_argument("the name of a store is 1 to 32 characters of a-z, 0-9, _ and -");
    std::array<unsigned char, 32> bytes;
    random_bytes(bytes);
    fresh_token made{"cc_" + base64url(bytes), {}};
    std::string names;
    for (const auto& s : stores)
        names.append(names.empty() ? "" : ",").append(s);
    made.line =
        name + " " + scopes.str() + " " + (all ? "*" : names) + " " + std::string(hash_prefix) + hex(sha256(made.text));
    return made;
}

} // namespace coatcheck
