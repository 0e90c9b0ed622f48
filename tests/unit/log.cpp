#include "server/log.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <unistd.h>

#include <regex>
#include <sstream>
#include <thread>
#include <vector>

using namespace coatcheck;

namespace {

// Standard error goes to a file while this lives.
class captured_log {
public:
    explicit captured_log(log_config c) : before_(dup(STDERR_FILENO))
    {
        const int file = open((folder_ / "log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
        dup2(file, STDERR_FILENO);
        close(file);
        log::flush(); // what the rate limit held back from an earlier test
        CHECK(ftruncate(STDERR_FILENO, 0) == 0);
        log::start(c);
    }
    ~captured_log()
    {
        log::flush();
        dup2(before_, STDERR_FILENO);
        close(before_);
    }

    std::vector<std::string> lines() const
    {
        std::ifstream in(folder_ / "log");
        std::vector<std::string> out;
        for (std::string line; std::getline(in, line);)
            out.push_back(line);
        return out;
    }

    std::string only_line() const
    {
        const auto all = lines();
        REQUIRE(all.size() == 1);
        return all[0];
    }

private:
    testing::temporary_folder folder_;
    int before_;
};

bool holds(const std::string& text, std::string_view part)
{
    return text.find(part) != text.npos;
}

} // namespace

TEST_CASE("a line of JSON has time, level, message and fields")
{
    const captured_log log_lines({"debug", log_format::json});
    log::warn(
        "backend failed",
        {{"store", "default"}, {"status", 503}, {"negative", std::int64_t{-5}}, {"seconds", 0.25}, {"retry", true}});
    CHECK(std::regex_match(
        log_lines.only_line(),
        std::regex(R"(\{"ts":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","level":"warn","msg":"backend failed",)"
                   R"("store":"default","status":503,"negative":-5,"seconds":0.25,"retry":true\})")));
}

TEST_CASE("a line of text has the same, with quotes where they are needed")
{
    const captured_log log_lines({"info", log_format::text});
    log::error("backend failed", {{"store", "default"}, {"error", "no route"}, {"empty", ""}, {"eq", "a=b"}});
    CHECK(std::regex_match(log_lines.only_line(),
                           std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z error   backend failed )"
                                      R"(store=default error="no route" empty="" eq="a=b")")));
}

TEST_CASE("output that is no terminal is JSON")
{
    const captured_log log_lines({});
    log::info("ready");
    CHECK(log_lines.only_line().starts_with("{"));
}

TEST_CASE("no value can forge a line or break its encoding")
{
    const std::string evil = "a\nb\r\x1b[31m\"\\\x7f\0\xff\xc3\xa9\xe2\x82";
    for (const auto format : {log_format::json, log_format::text}) {
        const captured_log log_lines({"info", format});
        log::info("hello", {{"who", std::string(evil) + '\0'}});
        const auto line = log_lines.only_line();
        CHECK(holds(line, R"("a\u000ab\u000d\u001b[31m\"\\\u007f)"));
        CHECK(!holds(line, "\x1b"));
    }
    const captured_log log_lines({"info", log_format::json});
    log::info("bytes", {{"who", std::string_view("\xff\xc3\xa9\xe2\x82", 5)}});
    CHECK(holds(log_lines.only_line(), "\"who\":\"\\ufffd\xc3\xa9\\ufffd\\ufffd\""));
}

TEST_CASE("what is below the level is not written")
{
    const captured_log log_lines({"warn", log_format::json});
    log::debug("below");
    log::info("below");
    CHECK(!log::enabled(log::level::info));
    CHECK(log::enabled(log::level::warn));
    log::warn("at");
    CHECK(holds(log_lines.only_line(), R"("level":"warn","msg":"at")"));
}

TEST_CASE("a flood of one message is cut, counted and hides no other")
{
    const captured_log log_lines({"info", log_format::json});
    for (int i = 0; i < 1000; ++i)
        log::warn("flood");
    log::warn("something else");
    log::flush();

    std::size_t floods = 0;
    std::size_t told = 0;
    bool other = false;
    for (const auto& line : log_lines.lines()) {
        if (const auto at = line.find(R"("msg":"flood","suppressed":)"); at != line.npos)
            told += std::stoul(line.substr(line.rfind(':') + 1));
        else if (holds(line, R"("msg":"flood")"))
            ++floods;
        else
            other = holds(line, "something else");
    }
    CHECK(floods + told == 1000);
    CHECK(floods >= 10);
    CHECK(floods <= 20); // a second may begin in between
    CHECK(other);
}

TEST_CASE("debug lines are not cut")
{
    const captured_log log_lines({"debug", log_format::json});
    for (int i = 0; i < 100; ++i)
        log::debug("detail", {{"i", i}});
    CHECK(log_lines.lines().size() == 100);
}

TEST_CASE("audit lines are not cut, and are there wherever information is")
{
    {
        const captured_log log_lines({"info", log_format::json});
        for (int i = 0; i < 100; ++i)
            log::audit("done", {{"i", i}});
        CHECK(log_lines.lines().size() == 100);
        CHECK(holds(log_lines.lines()[7], R"("level":"info","msg":"done","i":7)"));
    }
    const captured_log log_lines({"warn", log_format::json});
    log::audit("done", {{"i", 1}});
    CHECK(log_lines.lines().empty());
}

TEST_CASE("lines of different threads do not mix")
{
    const captured_log log_lines({"debug", log_format::json});
    const std::string filler(300, 'x');
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 200; ++i) {
                log::debug("parallel", {{"filler", filler}});
                log::info("limited", {{"filler", filler}});
            }
        });
    for (auto& t : threads)
        t.join();
    std::size_t debug_lines = 0;
    for (const auto& line : log_lines.lines()) {
        CHECK(line.starts_with(R"({"ts":")"));
        CHECK(line.ends_with("}"));
        debug_lines += holds(line, R"("msg":"parallel","filler":")" + filler + "\"}") ? 1 : 0;
    }
    CHECK(debug_lines == 800);
}
