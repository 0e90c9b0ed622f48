#pragma once
// A test that misses something which a developer's machine need not have.

#include <string_view>

namespace coatcheck::test {

// Says so on stderr, and makes the program exit with 77, unless something fails. In CI it fails the test instead.
void skip(std::string_view reason);

} // namespace coatcheck::test
