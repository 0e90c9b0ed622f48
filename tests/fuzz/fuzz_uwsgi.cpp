// Whatever a server sends and however it is cut: the same answer as in one piece, and never a value of another size
// than it was said to have.

#include "backends/uwsgi/packet.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace coatcheck;

namespace {

constexpr std::size_t limit = 4096;

// What becomes of `bytes`, fed in pieces of `piece` bytes.
std::string outcome_of(std::string_view bytes, std::size_t piece)
{
    uwsgi::reply_parser parser(limit);
    bool whole = false;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        const auto fed = parser.feed(bytes.substr(at, piece));
        if (!fed)
            return "refused";
        whole = *fed;
    }
    if (parser.value() && parser.value()->size() > limit)
        std::abort();
    if (!whole)
        return "incomplete";
    return parser.value() ? "value " + *parser.value() : "yes";
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto whole = outcome_of(bytes, size);
    if (outcome_of(bytes, 1) != whole || outcome_of(bytes, 1 + size / 3) != whole)
        std::abort();
    return 0;
}
