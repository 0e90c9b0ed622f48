#pragma once
// Which release this is.

#include <string_view>

namespace coatcheck {

inline constexpr std::string_view release_version = COATCHECK_VERSION;

} // namespace coatcheck
