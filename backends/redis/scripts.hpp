#pragma once
// The writes, as Lua that Redis runs in one step. They do on the bytes at rest (proto/README.md) what proto/change.cpp
// does on a head; the conformance suite holds both to the same. Each answers one string: its first character is the
// outcome, the bytes of a head may follow.
//
// Numbers are doubles there, exact below 2^53 as all our times and revisions are; versions are random 64 bits, so they
// are compared as strings. Strings are compared for equality only: Lua orders them by the server's locale.

#include <string>

namespace coatcheck::redis {

struct script {
    explicit script(std::string lua);

    std::string text;
    std::string sha1; // in hex, by which EVALSHA names it
};

namespace outcome {
constexpr char created = 'c';
constexpr char replaced = 'r';            // the head after it follows
constexpr char ended = 'e';               // the head that refused follows
constexpr char precondition_failed = 'p'; // likewise, if there was one
constexpr char locked = 'l';              // likewise
constexpr char not_found = 'n';
constexpr char corrupt = 'x';
constexpr char newer_format = 'f';
constexpr char head = 'h'; // the head as it is follows; end_script's: as it was, if there was one
constexpr char done = 'd';
} // namespace outcome

// ARGV[1]: what put_arguments makes; ARGV[2]: the payload.
extern const script put_script;

// ARGV[1]: what swap_arguments makes; ARGV[2]: the head; ARGV[3]: the payload.
extern const script swap_script;

// ARGV[1]: the tombstone for a key that holds no record.
extern const script end_script;

// ARGV[1]: now and how long to keep the record after its end, in ms, both 8 bytes big endian.
extern const script extend_script;

} // namespace coatcheck::redis
