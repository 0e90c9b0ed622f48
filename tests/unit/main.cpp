#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "tests/unit/skip.hpp"

#include <cstdlib>
#include <iostream>
#include <string>

namespace coatcheck::test {

namespace {
bool skipped = false;
}

void skip(std::string_view reason)
{
    const char* const ci = std::getenv("CI");
    if (ci != nullptr && std::string_view(ci) == "true")
        FAIL(std::string(reason));
    std::cerr << "skipped: " << reason << '\n';
    skipped = true;
}

} // namespace coatcheck::test

int main(int argc, char** argv)
{
    doctest::Context context(argc, argv);
    const int failed = context.run();
    constexpr int skip_code = 77;
    return failed == 0 && coatcheck::test::skipped ? skip_code : failed;
}
