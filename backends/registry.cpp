#include "backends/registry.hpp"

#ifdef COATCHECK_WITH_MEMORY
#include "backends/memory/memory_backend.hpp"
#define COATCHECK_MEMORY &open_memory, &check_memory
#else
#define COATCHECK_MEMORY nullptr, nullptr
#endif
#ifdef COATCHECK_WITH_SQLITE
#include "backends/sqlite/sqlite_backend.hpp"
#define COATCHECK_SQLITE &open_sqlite, &check_sqlite
#else
#define COATCHECK_SQLITE nullptr, nullptr
#endif
#ifdef COATCHECK_WITH_REDIS
#include "backends/redis/redis_backend.hpp"
#define COATCHECK_REDIS &open_redis, &check_redis
#else
#define COATCHECK_REDIS nullptr, nullptr
#endif

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

namespace coatcheck {

namespace {

struct entry {
    std::string_view scheme;
    std::string_view name;                                          // in COATCHECK_BACKENDS
    std::unique_ptr<backend> (*open)(const backend_url&, runtime&); // null in a build that left the backend out
    void (*check)(const backend_url&);                              // likewise
};

constexpr auto entries = std::to_array<entry>({
    {"memory", "memory", COATCHECK_MEMORY},
    {"sqlite", "sqlite", COATCHECK_SQLITE},
    {"redis", "redis", COATCHECK_REDIS},
    {"rediss", "redis", COATCHECK_REDIS},
    {"redis+unix", "redis", COATCHECK_REDIS},
});

const entry& entry_for(const std::string& scheme)
{
    const auto found = std::ranges::find(entries, scheme, &entry::scheme);
    if (found == entries.end()) {
        std::string known;
        for (const auto& s : backend_schemes())
            known.append(known.empty() ? "" : ", ").append(s).append("://");
        throw std::invalid_argument("there is no backend " + scheme + "://; this build knows " + known);
    }
    if (found->open == nullptr)
        throw std::invalid_argument(scheme + ":// was left out of this build; add '" + std::string(found->name) +
                                    "' to the CMake variable COATCHECK_BACKENDS and build again");
    return *found;
}

} // namespace

std::unique_ptr<backend> open_backend(std::string_view url, runtime& threads)
{
    const auto parsed = backend_url::parse(url);
    return entry_for(parsed.scheme).open(parsed, threads);
}

void check_backend(std::string_view url)
{
    const auto parsed = backend_url::parse(url);
    entry_for(parsed.scheme).check(parsed);
}

std::span<const std::string_view> backend_schemes() noexcept
{
    static const auto schemes = [] {
        std::vector<std::string_view> built;
        for (const auto& e : entries)
            if (e.open != nullptr)
                built.push_back(e.scheme);
        return built;
    }();
    return schemes;
}

} // namespace coatcheck
