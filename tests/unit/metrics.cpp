#include "server/metrics.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <thread>

using namespace coatcheck;
using namespace std::chrono_literals;

namespace {

// The value of the sample that `series` names, or nothing.
std::string sample(const metrics& m, const std::string& series)
{
    std::istringstream in(m.text());
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(series + " "))
            return line.substr(series.size() + 1);
    return {};
}

metrics two_of_each()
{
    return {2, {"none", "/v1/session"}, {"default", "shop"}, "1.2.3"};
}

} // namespace

TEST_CASE("requests are counted by route, method and status over all threads")
{
    metrics m = two_of_each();
    m.count_request(0, 1, method::get, 200);
    m.count_request(1, 1, method::get, 200);
    m.count_request(1, 1, method::put, 204);
    m.count_request(0, 0, method::unsupported, 299);
    m.count_request(0, 0, method::unsupported, -1);
    m.count_request(0, 0, method::unsupported, 1'000'000);

    CHECK(sample(m, R"(coatcheck_http_requests_total{route="/v1/session",method="GET",status="200"})") == "2");
    CHECK(sample(m, R"(coatcheck_http_requests_total{route="/v1/session",method="PUT",status="204"})") == "1");
    CHECK(sample(m, R"(coatcheck_http_requests_total{route="none",method="other",status="other"})") == "3");
    CHECK(sample(m, R"(coatcheck_http_requests_total{route="/v1/session",method="PUT",status="200"})").empty());
}

TEST_CASE("every status that is counted as itself is told as itself")
{
    metrics m = two_of_each();
    for (int code = 0; code <= static_cast<int>(errc::full); ++code) {
        const int status = problem_of(static_cast<errc>(code)).status;
        m.count_request(0, 0, method::get, status);
        CHECK(!sample(m, R"(coatcheck_http_requests_total{route="none",method="GET",status=")" +
                             std::to_string(status) + "\"}")
                   .empty());
    }
}

TEST_CASE("durations fall into the bucket that holds them, its border included")
{
    metrics m = two_of_each();
    const auto bucket = [&](const std::string& le) {
        return sample(m, R"(coatcheck_store_operation_seconds_bucket{store="shop",operation="put",le=")" + le + "\"}");
    };
    m.count_operation(0, 1, metrics::operation::put, 1ns);
    m.count_operation(1, 1, metrics::operation::put, 50us);
    m.count_operation(0, 1, metrics::operation::put, 51us);
    m.count_operation(0, 1, metrics::operation::put, 5s);
    m.count_operation(0, 1, metrics::operation::put, 6s);

    CHECK(bucket("5e-05") == "2");
    CHECK(bucket("0.0001") == "3");
    CHECK(bucket("2.5") == "3");
    CHECK(bucket("5") == "4");
    CHECK(bucket("+Inf") == "5");
    CHECK(sample(m, R"(coatcheck_store_operation_seconds_count{store="shop",operation="put"})") == "5");
    CHECK(std::stod(sample(m, R"(coatcheck_store_operation_seconds_sum{store="shop",operation="put"})")) ==
          doctest::Approx(11.000101).epsilon(1e-6));
    CHECK(sample(m, R"(coatcheck_store_operation_seconds_count{store="default",operation="put"})") == "0");
}

TEST_CASE("errors of a store are told by their name")
{
    metrics m = two_of_each();
    m.count_error(0, 0, metrics::operation::load, errc::unavailable);
    m.count_error(1, 0, metrics::operation::load, errc::unavailable);
    m.count_error(0, 0, metrics::operation::end, errc::timed_out);
    m.count_unreadable(1, 0);

    CHECK(sample(m, R"(coatcheck_store_errors_total{store="default",operation="load",error="unavailable"})") == "2");
    CHECK(sample(m, R"(coatcheck_store_errors_total{store="default",operation="end",error="timed-out"})") == "1");
    CHECK(sample(m, R"(coatcheck_sessions_unreadable_total{store="default"})") == "1");
    CHECK(sample(m, R"(coatcheck_sessions_unreadable_total{store="shop"})") == "0");
}

TEST_CASE("records are counted by the key that opened them, and not at all where there are no keys")
{
    metrics m{2, {"none"}, {"default", "shop"}, "1.2.3", {"0badcafe", "plain"}};
    m.count_opened(0, 0, 0);
    m.count_opened(1, 1, 0);
    m.count_opened(1, 1, 0);
    m.count_opened(0, 1, 1);
    const auto opened = [&](const std::string& store, const std::string& key) {
        return sample(m, R"(coatcheck_store_records_opened_total{store=")" + store + R"(",key=")" + key + "\"}");
    };
    CHECK(opened("default", "0badcafe") == "1");
    CHECK(opened("default", "plain") == "0");
    CHECK(opened("shop", "0badcafe") == "2");
    CHECK(opened("shop", "plain") == "1");
    CHECK(two_of_each().text().find("records_opened_total{") == std::string::npos);
}

TEST_CASE("a connection may be closed by another thread than opened it")
{
    metrics m = two_of_each();
    m.connection_opened(0);
    m.connection_opened(0);
    m.connection_closed(1);
    m.connection_refused(1);
    CHECK(m.connections() == 1);
    CHECK(sample(m, "coatcheck_connections") == "1");
    CHECK(sample(m, "coatcheck_connections_refused_total") == "1");
}

TEST_CASE("readers of events are counted while they are there, and those that were dropped for ever")
{
    metrics m = two_of_each();
    m.reader_opened(0);
    m.reader_opened(1);
    m.reader_dropped(1);
    m.reader_closed(1);
    CHECK(sample(m, "coatcheck_event_readers") == "1");
    CHECK(sample(m, "coatcheck_event_readers_dropped_total") == "1");
}

TEST_CASE("the process tells its release, age, memory and files")
{
    const metrics m = two_of_each();
    CHECK(sample(m, R"(coatcheck_build_info{version="1.2.3"})") == "1");
    CHECK(std::stod(sample(m, "process_start_time_seconds")) > 1.7e9);
    CHECK(std::stod(sample(m, "process_resident_memory_bytes")) > 1e6);
    CHECK(std::stod(sample(m, "process_open_fds")) >= 3);
}

TEST_CASE("threads count while another reads, and nothing is lost")
{
    metrics m = two_of_each();
    constexpr int each = 100'000;
    const auto count = [&](std::size_t thread) {
        for (int i = 0; i < each; ++i) {
            m.count_request(thread, 1, method::get, 200);
            m.count_operation(thread, 0, metrics::operation::load, 80us);
        }
    };
    std::thread first(count, 0);
    std::thread second(count, 1);
    for (int i = 0; i < 20; ++i)
        CHECK(!m.text().empty());
    first.join();
    second.join();
    CHECK(sample(m, R"(coatcheck_http_requests_total{route="/v1/session",method="GET",status="200"})") ==
          std::to_string(2 * each));
    CHECK(sample(m, R"(coatcheck_store_operation_seconds_bucket{store="default",operation="load",le="0.0001"})") ==
          std::to_string(2 * each));
}
