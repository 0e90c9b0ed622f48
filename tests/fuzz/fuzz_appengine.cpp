// Whatever App Engine's proxy says: an item that is read lies within the bytes, and what is cut off never reads as
// another item.

#include "backends/appengine/memcache.hpp"

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string_view>

using namespace coatcheck;
using namespace coatcheck::appengine;

namespace {

void check_within(std::string_view part, std::string_view whole)
{
    const std::less_equal<> before;
    if (!part.empty() &&
        (!before(whole.data(), part.data()) || !before(part.data() + part.size(), whole.data() + whole.size())))
        std::abort();
}

void read_as_get(std::string_view bytes)
{
    const auto got = read_get(bytes, "k");
    if (got && *got)
        check_within((*got)->value, bytes);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    for (const effect does : {effect::reads, effect::writes}) {
        const auto content = read_answer(bytes, does);
        if (!content)
            continue;
        check_within(*content, bytes);
        read_as_get(*content);
        if (const auto stored = read_set(*content); !stored && stored.error().code == errc::internal)
            std::abort();
    }
    read_as_get(bytes);
    return 0;
}
