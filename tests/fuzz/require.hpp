#pragma once
// What must hold for every input of a fuzzer.

#include <cstdio>
#include <cstdlib>

namespace coatcheck::fuzz {

inline void require(bool holds, const char* what)
{
    if (holds)
        return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
}

} // namespace coatcheck::fuzz
