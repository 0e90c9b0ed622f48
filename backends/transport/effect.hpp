#pragma once
// What a request does to a store: who may repeat it, and what a connection that breaks before the reply leaves behind.

#include <cstdint>

namespace coatcheck {

enum class effect : std::uint8_t { reads, writes };

} // namespace coatcheck
