#pragma once
// The files in which AWS's tools keep credentials by profile, without I/O.

#include <map>
#include <string>
#include <string_view>

namespace coatcheck::dynamodb {

using profile = std::map<std::string, std::string>; // keys in lower case

// The settings of [NAME], or of [profile NAME], which `config` is true for: in that file only "default" goes without
// the word. Empty if there are none. Lines that are no settings, and what is indented below one, are passed over.
profile find_profile(std::string_view file, std::string_view name, bool config);

} // namespace coatcheck::dynamodb
