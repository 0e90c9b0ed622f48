#pragma once
// Who may call: bearer tokens (RFC 6750), kept as SHA-256 in a file of one line a token:
//
//     # name  scopes       stores   hash of the token
//     shop    app,metrics  default  sha256:9f86d081…
//     ops     admin        *        sha256:60303ae2…

#include "server/config.hpp"

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coatcheck {

enum class scope : std::uint8_t {
    app,     // sessions, and lists and ends by subject
    metrics, // /metrics
    admin,   // everything by handle, end-all, events
};

class scope_set {
public:
    constexpr scope_set() = default;
    constexpr scope_set(std::initializer_list<scope> scopes) noexcept
    {
        for (const scope s : scopes)
            add(s);
    }

    constexpr void add(scope s) noexcept { bits_ |= bit(s); }
    constexpr bool contains(scope s) const noexcept { return (bits_ & bit(s)) != 0; }
    constexpr bool empty() const noexcept { return bits_ == 0; }
    friend constexpr bool operator==(const scope_set&, const scope_set&) = default;

    // "app,metrics"; throws std::invalid_argument for anything else, an empty list included.
    static scope_set parse(std::string_view text);
    std::string str() const;

private:
    static constexpr std::uint8_t bit(scope s) noexcept { return static_cast<std::uint8_t>(1U << unsigned(s)); }

    std::uint8_t bits_ = 0;
};

struct caller {
    std::string name;
    scope_set scopes;
    std::optional<std::vector<std::string>> stores; // unset: every store

    bool may(scope what) const noexcept { return scopes.contains(what); }
    bool may(scope what, std::string_view store) const noexcept;
};

// All tokens that are valid now. Immutable once it is shared.
class token_table {
public:
    // `file` names the source in messages. Throws config_error that names every wrong line, and quotes none of its
    // hash; a text without any token is wrong too, or a file caught half-written would lock everybody out.
    static token_table parse(std::string_view text, const std::string& file);

    // One more token, as it is sent.
    void add(caller who, std::string_view token);

    bool empty() const noexcept { return entries_.empty(); }

    // Who presents `bearer`, or nullptr. Valid as long as the table. Compares with every entry and in constant time, so
    // that the time it takes tells nothing about a token. Thread safe.
    const caller* find(std::string_view bearer) const;

private:
    struct entry {
        std::array<unsigned char, 32> hash;
        caller who;
    };

    std::vector<entry> entries_;
};

// The tokens of `c`: those in tokens_file, and `token` with scope app on every store. Empty if it names neither. Throws
// config_error.
token_table load_tokens(const config& c);

// The table that requests are checked against, which a reload replaces.
class live_tokens {
public:
    // `threads` as the runtime's.
    live_tokens(std::size_t threads, token_table first);
    ~live_tokens();

    // Who presents `bearer`, or null; the answer outlives a reload. Only on a thread of the runtime, whose state it
    // uses, so that requests on different threads share no written memory.
    std::shared_ptr<const caller> find(std::string_view bearer);

    // From any thread; each thread sees it with its next find().
    void replace(token_table next);

    // False if no token is needed at all, which a reload does not change.
    bool required() const noexcept { return required_; }

private:
    struct state;

    bool required_;
    std::unique_ptr<state> state_;
};

struct fresh_token {
    std::string text; // "cc_" and 256 random bits in base64url: shown once, kept nowhere
    std::string line; // for the tokens file
};

// `stores` empty: every store. Throws std::invalid_argument for a name or a store that the file could not hold.
fresh_token new_token(const std::string& name, scope_set scopes, const std::vector<std::string>& stores);

} // namespace coatcheck
