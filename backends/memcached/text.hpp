#pragma once
// memcached's text protocol, without I/O: meta commands to read and delete, `add` and `cas` to store.
// https://github.com/memcached/memcached/blob/master/doc/protocol.txt
//
// Values are not stored by `ms`: if the server finds no memory for the new item, that deletes the old one, whatever CAS
// unique was asked for; `add` and `cas` leave it.

#include "backends/memcached/command.hpp"
#include "proto/error.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck::memcached::text {

// What append() adds at most.
std::size_t size(const command& c) noexcept;

void append(std::string& out, const command& c);

// The reply at the beginning of `bytes`, and in `used` how many of them it is; nothing if it is not whole. A failure is
// final: the place in the stream is lost. Views are into `bytes`.
result<std::optional<reply>> parse(std::string_view bytes, std::size_t& used);

} // namespace coatcheck::memcached::text
