#pragma once
// What Redis' error replies mean to us.

#include "proto/error.hpp"

#include <string_view>

namespace coatcheck::redis {

// The failure that the text of an error reply ("OOM command not allowed …") stands for. Its detail never quotes the
// arguments of a command, which some errors repeat.
failure failure_of(std::string_view error_text);

} // namespace coatcheck::redis
