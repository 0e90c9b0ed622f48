// Whatever a server sends, in either protocol and however it is cut: the same replies as in one piece, and never more
// than was sent.

#include "backends/memcached/codec.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace coatcheck;

namespace {

void describe(const memcached::reply& r, std::string& to)
{
    to.append(std::to_string(static_cast<int>(r.what))).append(std::to_string(static_cast<int>(r.answers)));
    to.append(r.opaque ? std::to_string(*r.opaque) : "-").append(r.buried ? "x" : "-");
    to.append(std::to_string(r.cas)).append(std::to_string(r.seconds_left));
    to.append(r.name).append("=").append(r.text).append(";");
}

// All replies of `bytes`, fed in pieces of `piece` bytes.
std::string replies_of(std::string_view bytes, std::size_t piece)
{
    memcached::reply_parser parser;
    std::string all;
    std::size_t text = 0;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        parser.feed(bytes.substr(at, piece));
        for (;;) {
            const auto next = parser.next();
            if (!next)
                return all + "refused";
            if (!*next)
                break;
            text += (*next)->name.size() + (*next)->text.size();
            if (text > bytes.size())
                std::abort();
            describe(**next, all);
        }
    }
    return all;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto whole = replies_of(bytes, size);
    if (replies_of(bytes, 1) != whole || replies_of(bytes, 1 + size / 3) != whole)
        std::abort();
    return 0;
}
