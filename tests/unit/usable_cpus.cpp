#include "server/usable_cpus.hpp"
#include "server/config.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

using namespace coatcheck;

namespace {

// A tree as below /sys/fs/cgroup, and what /proc/self/cgroup would say.
struct control_groups {
    testing::temporary_folder folder;

    std::optional<double> quota(const std::string& membership) const
    {
        return cgroup_cpu_quota(folder.write("membership", membership), folder / "mount");
    }
    void limit(const std::string& group, const std::string& text) const
    {
        folder.write("mount/" + group + "/cpu.max", text);
    }
    void limit_v1(const std::string& group, const std::string& quota) const
    {
        folder.write("mount/cpu/" + group + "/cpu.cfs_quota_us", quota);
        folder.write("mount/cpu/" + group + "/cpu.cfs_period_us", "100000\n");
    }
};

} // namespace

TEST_CASE("without a control group there is no quota")
{
    const control_groups groups;
    CHECK(!groups.quota(""));
    CHECK(!groups.quota("0::/\n"));
    CHECK(!groups.quota("garbage\n"));
}

TEST_CASE("the least quota on the way up holds")
{
    const control_groups groups;
    groups.limit("", "400000 100000\n");
    groups.limit("pod", "150000 100000\n");
    groups.limit("pod/container", "max 100000\n");
    CHECK(groups.quota("0::/pod/container\n") == 1.5);
    CHECK(groups.quota("0::/other\n") == 4.0);
    groups.limit("pod/container", "50000 100000\n");
    CHECK(groups.quota("0::/pod/container\n") == 0.5);
}

TEST_CASE("a group that this mount does not show counts as the mount itself")
{
    const control_groups groups;
    groups.limit("", "200000 100000\n");
    CHECK(groups.quota("0::/kubepods/burstable/pod1\n") == 2.0);
    CHECK(groups.quota("0::/../sibling\n") == 2.0);
}

TEST_CASE("version 1 of control groups has its quota too")
{
    const control_groups groups;
    groups.limit_v1("", "-1\n");
    groups.limit_v1("pod", "250000\n");
    CHECK(groups.quota("11:memory:/pod\n4:cpu,cpuacct:/pod/container\n0::/\n") == 2.5);
    CHECK(!groups.quota("11:memory:/pod\n4:cpu,cpuacct:/\n3:cpuset:/pod\n"));
}

TEST_CASE("there is always a CPU to use")
{
    CHECK(usable_cpus() >= 1);
}
