// Whatever a server sends and however it is cut: the same replies as in one piece, and never an array in an array.

#include "backends/redis/resp.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace coatcheck;

namespace {

constexpr std::size_t limit = 4096;

void describe(const redis::reply& r, std::string& to)
{
    to.append(std::to_string(static_cast<int>(r.what))).append(std::to_string(r.number)).append(r.text).append(";");
}

// All replies of `bytes`, fed in pieces of `piece` bytes.
std::string replies_of(std::string_view bytes, std::size_t piece)
{
    redis::reply_parser parser({.bytes = limit});
    std::string all;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        parser.feed(bytes.substr(at, piece));
        for (;;) {
            const auto next = parser.next();
            if (!next)
                return all + "refused";
            if (!*next)
                break;
            describe(**next, all);
            for (const auto& e : (*next)->elements) {
                if (e.what == redis::reply::type::array || !e.elements.empty())
                    std::abort();
                describe(e, all);
            }
        }
    }
    return all;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0 || size > limit) // a longer one may be refused or not, as it is cut
        return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto whole = replies_of(bytes, size);
    if (replies_of(bytes, 1) != whole || replies_of(bytes, 1 + size / 3) != whole)
        std::abort();
    return 0;
}
