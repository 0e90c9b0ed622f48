#pragma once
// The SQL of the sessions' table.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace coatcheck::mysql {

// The statements that a connection prepares. `head` is format, kind, revision, version, stamp, created, last_seen,
// expires, absolute_end, keep_until, locked_until, lock_token, idle, subject, label, in this order.
enum class verb : std::uint8_t {
    find,         // handle -> head
    load,         // handle -> head, payload
    insert,       // head, payload, handle
    replace,      // head, payload, handle, stamp
    replace_head, // head, handle, stamp
    remove,       // handle, stamp
    expired,      // a time -> handles, locked until the transaction ends, of at most sweep_rows rows
    forget,       // handle
};

constexpr std::size_t verbs = 8;
constexpr std::size_t sweep_rows = 50;

class statements {
public:
    // `table` must be a name that needs no quoting.
    explicit statements(const std::string& table);

    // Does nothing where the table is.
    const std::string& create() const noexcept { return create_; }

    const std::string& of(verb v) const noexcept { return text_.at(static_cast<std::size_t>(v)); }

private:
    std::string create_;
    std::array<std::string, verbs> text_;
};

} // namespace coatcheck::mysql
