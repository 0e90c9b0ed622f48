// Whatever a node says of its Cluster: slots and ports that exist, or nothing.

#include "backends/redis/slots.hpp"

#include <cstdint>
#include <cstdlib>

using namespace coatcheck;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (redis::slot_of(bytes) >= redis::slot_count)
        std::abort();
    redis::reply_parser parser({.bytes = 4096, .depth = 4, .elements = 64});
    parser.feed(bytes);
    for (;;) {
        const auto next = parser.next();
        if (!next || !*next)
            return 0;
        if (const auto map = redis::topology_of(**next, "asked"))
            for (const auto& range : map->ranges)
                if (range.first > range.last || range.last >= redis::slot_count || range.master.port == 0 ||
                    range.master.host.empty())
                    std::abort();
        if (const auto elsewhere = redis::redirection_of(**next, "asked"))
            if (elsewhere->to.port == 0 || elsewhere->to.host.empty())
                std::abort();
    }
}
