#include "backends/registry.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace coatcheck {

namespace {

struct entry {
    std::string_view name; // in COATCHECK_BACKENDS
    std::vector<std::string_view> schemes;
    const driver* built; // null in a build that left it out
};

// COATCHECK_WITH_name, from CMake, is 1 or 0.
#define COATCHECK_BUILT_1(name) &name##_driver
#define COATCHECK_BUILT_0(name) nullptr
#define COATCHECK_BUILT(with, name) COATCHECK_BUILT_WITH(with, name)
#define COATCHECK_BUILT_WITH(with, name) COATCHECK_BUILT_##with(name)

const std::vector<entry>& entries()
{
    static const std::vector<entry> all{
#define COATCHECK_DRIVER(name, ...) {#name, {__VA_ARGS__}, COATCHECK_BUILT(COATCHECK_WITH_##name, name)},
#include "backends/drivers.def"
#undef COATCHECK_DRIVER
    };
    return all;
}

const driver& driver_of(const backend_url& url)
{
    const auto knows = [&](const entry& e) { return std::ranges::find(e.schemes, url.scheme) != e.schemes.end(); };
    const auto found = std::ranges::find_if(entries(), knows);
    if (found == entries().end()) {
        std::string known;
        for (const auto& s : backend_schemes())
            known.append(known.empty() ? "" : ", ").append(s).append("://");
        throw std::invalid_argument("there is no backend " + url.scheme + "://; this build knows " + known);
    }
    if (found->built == nullptr)
        throw std::invalid_argument(url.scheme + ":// was left out of this build; add '" + std::string(found->name) +
                                    "' to the CMake variable COATCHECK_BACKENDS and build again");
    if (url.hosts.size() > 1 && !found->built->several_hosts)
        throw std::invalid_argument(url.scheme + ":// takes one host");
    return *found->built;
}

} // namespace

std::unique_ptr<backend> open_backend(std::string_view url, runtime& threads)
{
    const auto parsed = backend_url::parse(url);
    return driver_of(parsed).open(parsed, threads);
}

void check_backend(std::string_view url)
{
    const auto parsed = backend_url::parse(url);
    driver_of(parsed).check(parsed);
}

void check_scheme(const backend_url& url)
{
    driver_of(url);
}

std::string schema_of(std::string_view url)
{
    const auto parsed = backend_url::parse(url);
    const auto schema = driver_of(parsed).schema;
    return schema != nullptr ? schema(parsed) : std::string();
}

std::span<const std::string_view> backend_schemes() noexcept
{
    static const auto schemes = [] {
        std::vector<std::string_view> built;
        for (const auto& e : entries())
            if (e.built != nullptr)
                built.insert(built.end(), e.schemes.begin(), e.schemes.end());
        return built;
    }();
    return schemes;
}

std::span<const guarantees> backend_guarantees() noexcept
{
    static const auto all = [] {
        std::vector<guarantees> built;
        for (const auto& e : entries())
            if (e.built != nullptr)
                built.push_back(e.built->says);
        return built;
    }();
    return all;
}

} // namespace coatcheck
