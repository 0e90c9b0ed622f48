#include "tests/conformance/small_disk.hpp"

#include <doctest/doctest.h>

#include <sched.h>
#include <sys/mount.h>

#include <fstream>

namespace coatcheck::testing {

namespace {

namespace fs = std::filesystem;

bool without_disks = false;

struct skip_at_the_end : doctest::IReporter {
    explicit skip_at_the_end(const doctest::ContextOptions&) {}
    void test_run_end(const doctest::TestRunStats& run) override
    {
        if (without_disks && run.numTestCasesFailed == 0)
            missing("root and the right to mount (CAP_SYS_ADMIN), for tests of full disks");
    }
    void report_query(const doctest::QueryData&) override {}
    void test_run_start() override {}
    void test_case_start(const doctest::TestCaseData&) override {}
    void test_case_reenter(const doctest::TestCaseData&) override {}
    void test_case_end(const doctest::CurrentTestCaseStats&) override {}
    void test_case_exception(const doctest::TestCaseException&) override {}
    void subcase_start(const doctest::SubcaseSignature&) override {}
    void subcase_end() override {}
    void log_assert(const doctest::AssertData&) override {}
    void log_message(const doctest::MessageData&) override {}
    void test_case_skipped(const doctest::TestCaseData&) override {}
};
DOCTEST_REGISTER_LISTENER("skip at the end", 1, skip_at_the_end);

} // namespace

small_disk::small_disk(const std::string& options)
{
    mounted_ = unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
               mount("tmpfs", folder().c_str(), "tmpfs", 0, options.c_str()) == 0;
    without_disks = without_disks || !mounted_;
}

small_disk::~small_disk()
{
    if (mounted_)
        umount2(folder().c_str(), MNT_DETACH);
}

bool small_disk::try_make_read_only() const
{
    return mount("tmpfs", folder().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) == 0;
}

void small_disk::make_read_only() const
{
    REQUIRE(try_make_read_only());
}

void small_disk::make_writable() const
{
    REQUIRE(mount("tmpfs", folder().c_str(), "tmpfs", MS_REMOUNT, nullptr) == 0);
}

void small_disk::fill_up_to(std::size_t left) const
{
    const std::size_t room = fs::space(folder()).available;
    REQUIRE(room > left);
    std::ofstream(folder() / "other") << std::string(room - left, 'x');
    CHECK(fs::space(folder()).available <= left + 4096);
}

} // namespace coatcheck::testing
