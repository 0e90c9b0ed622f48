#pragma once
// The name that somebody may have meant.

#include <string>
#include <string_view>
#include <vector>

namespace coatcheck {

// "; did you mean 'listen'?", or nothing if none of `known` is near `word`.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

} // namespace coatcheck
