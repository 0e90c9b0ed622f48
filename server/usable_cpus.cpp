#include "server/usable_cpus.hpp"

#include "server/config.hpp"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

namespace coatcheck {

namespace {

namespace fs = std::filesystem;

// Version 2: "150000 100000" or "max 100000".
std::optional<double> read_v2(const fs::path& group)
{
    std::ifstream in(group / "cpu.max");
    double quota = 0;
    double period = 0;
    return in >> quota >> period && period > 0 ? std::optional(quota / period) : std::nullopt;
}

// Version 1: -1 is no quota.
std::optional<double> read_v1(const fs::path& group)
{
    double quota = 0;
    double period = 0;
    std::ifstream(group / "cpu.cfs_quota_us") >> quota;
    std::ifstream(group / "cpu.cfs_period_us") >> period;
    return quota > 0 && period > 0 ? std::optional(quota / period) : std::nullopt;
}

// In a container, `group` may be the host's path, which does not exist below its own mount; the mount itself does.
template <class Read>
std::optional<double> least_on_the_way_up(const fs::path& mount, const fs::path& group, Read read)
{
    std::optional<double> least;
    for (fs::path at = group.relative_path();; at = at.parent_path()) {
        if (const auto quota = read(mount / at))
            least = std::min(*quota, least.value_or(*quota));
        if (at.empty())
            return least;
    }
}

} // namespace

std::optional<double> cgroup_cpu_quota(const fs::path& membership, const fs::path& mount)
{
    // Lines are "0::/group" for version 2 and "4:cpu,cpuacct:/group" for version 1.
    std::ifstream in(membership);
    std::optional<double> least;
    for (std::string line; std::getline(in, line);) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (first == line.npos || second == line.npos)
            continue;
        const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
        const fs::path group = line.substr(second + 1);
        std::optional<double> quota;
        if (controllers == ",,")
            quota = least_on_the_way_up(mount, group, read_v2);
        else if (controllers.find(",cpu,") != controllers.npos)
            quota = least_on_the_way_up(mount / "cpu", group, read_v1);
        if (quota)
            least = std::min(*quota, least.value_or(*quota));
    }
    return least;
}

std::size_t usable_cpus()
{
    cpu_set_t allowed;
    double cpus =
        sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : std::thread::hardware_concurrency();
    if (const auto quota = cgroup_cpu_quota("/proc/self/cgroup", "/sys/fs/cgroup"))
        cpus = std::min(cpus, std::ceil(*quota));
    return static_cast<std::size_t>(std::max(cpus, 1.0));
}

} // namespace coatcheck
