#pragma once
// The CPU quota that a container gives to its processes.

#include <filesystem>
#include <optional>

namespace coatcheck {

// How many CPUs' worth of time the control group allows, fractions included: the least of the group and its parents.
// nullopt if there is no quota. `membership` is /proc/self/cgroup, `mount` /sys/fs/cgroup; both versions of control
// groups (cgroups(7)).
std::optional<double> cgroup_cpu_quota(const std::filesystem::path& membership, const std::filesystem::path& mount);

} // namespace coatcheck
