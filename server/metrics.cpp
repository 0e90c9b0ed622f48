#include "server/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <limits>
#include <ratio>

namespace coatcheck {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

constexpr std::array<std::string_view, 5> operation_names{"load", "put", "swap", "end", "extend"};

// The statuses that the contract knows; any other is counted as the last.
constexpr auto statuses =
    std::to_array<int>({100, 200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 412,
                        413, 414, 415, 417, 421, 422, 423, 429, 431, 500, 501, 503, 504, 505, 507, 0});

constexpr auto status_indices = [] {
    std::array<std::uint8_t, 600> out{};
    out.fill(statuses.size() - 1);
    for (std::size_t i = 0; i + 1 < statuses.size(); ++i)
        out[static_cast<std::size_t>(statuses[i])] = static_cast<std::uint8_t>(i);
    return out;
}();

constexpr auto buckets = std::to_array<nanoseconds>(
    {microseconds{50}, microseconds{100}, microseconds{250}, microseconds{500}, microseconds{1000}, microseconds{2500},
     microseconds{5000}, microseconds{10'000}, microseconds{25'000}, microseconds{50'000}, microseconds{100'000},
     microseconds{250'000}, microseconds{500'000}, microseconds{1'000'000}, microseconds{2'500'000},
     microseconds{5'000'000}});

constexpr std::size_t error_capacity = 64; // more than errc has

double in_seconds(nanoseconds d) noexcept
{
    return std::chrono::duration<double>(d).count();
}

// Written by one thread, read by any.
class counter {
public:
    void add(std::uint64_t n) noexcept
    {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

struct histogram {
    std::array<counter, buckets.size() + 1> counts; // the last: above all buckets
    counter nanoseconds_in_all;
};

struct operation_counters {
    histogram took;
    std::array<counter, error_capacity> errors;
};

struct alignas(64) store_counters {
    std::array<operation_counters, operation_names.size()> operations;
    counter unreadable;
    counter reused;
};

struct alignas(64) route_counters {
    std::array<std::array<counter, statuses.size()>, method_count> requests; // by method and status
};

ClientMetric labelled(std::vector<ClientMetric::Label> labels, double value, MetricType type)
{
    ClientMetric m;
    m.label = std::move(labels);
    (type == MetricType::Counter ? m.counter.value : m.gauge.value) = value;
    return m;
}

MetricFamily single(const std::string& name, const std::string& help, MetricType type, double value)
{
    return {name, help, type, {labelled({}, value, type)}};
}

std::string error_name(std::size_t code)
{
    const auto urn = problem_of(static_cast<errc>(code)).urn;
    return std::string(urn.substr(urn.rfind(':') + 1));
}

double resident_bytes()
{
    std::size_t pages_in_all = 0;
    std::size_t pages_resident = 0;
    std::ifstream("/proc/self/statm") >> pages_in_all >> pages_resident;
    return static_cast<double>(pages_resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double open_descriptors()
{
    std::error_code error;
    std::size_t n = 0;
    for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end; at.increment(error))
        ++n;
    return n == 0 ? 0 : static_cast<double>(n - 1); // without the one that this loop reads
}

} // namespace

class alignas(64) metrics::thread_counters {
public:
    thread_counters(std::size_t route_count, std::size_t store_count, std::size_t key_count)
        : routes(route_count), stores(store_count), opened_records(store_count * key_count)
    {}

    std::vector<route_counters> routes;
    std::vector<store_counters> stores;
    std::vector<counter> opened_records; // by store and key
    counter opened;
    counter closed;
    counter refused;
    counter readers_opened;
    counter readers_closed;
    counter readers_dropped;
};

metrics::metrics(std::size_t threads, std::vector<std::string> routes, std::vector<std::string> stores,
                 std::string version, std::vector<std::string> keys)
    : routes_(std::move(routes)), stores_(std::move(stores)), keys_(std::move(keys)), open_circuits_(stores_.size()),
      version_(std::move(version)), started_(in_seconds(std::chrono::system_clock::now().time_since_epoch()))
{
    for (std::size_t i = 0; i < threads; ++i)
        threads_.push_back(std::make_unique<thread_counters>(routes_.size(), stores_.size(), keys_.size()));
}

metrics::~metrics() = default;

void metrics::count_request(std::size_t thread, std::size_t route, method m, int status) noexcept
{
    const auto index = status >= 0 && status < static_cast<int>(status_indices.size())
                           ? status_indices[static_cast<std::size_t>(status)]
                           : statuses.size() - 1;
    threads_[thread]->routes[route].requests[static_cast<std::size_t>(m)][index].add(1);
}

void metrics::count_operation(std::size_t thread, std::size_t store, operation op,
                              std::chrono::steady_clock::duration took) noexcept
{
    auto& h = threads_[thread]->stores[store].operations[static_cast<std::size_t>(op)].took;
    h.counts[static_cast<std::size_t>(std::ranges::lower_bound(buckets, took) - buckets.begin())].add(1);
    h.nanoseconds_in_all.add(static_cast<std::uint64_t>(nanoseconds(took).count()));
}

void metrics::count_error(std::size_t thread, std::size_t store, operation op, errc what) noexcept
{
    threads_[thread]->stores[store].operations[static_cast<std::size_t>(op)].errors[static_cast<std::size_t>(what)].add(
        1);
}

void metrics::count_unreadable(std::size_t thread, std::size_t store) noexcept
{
    threads_[thread]->stores[store].unreadable.add(1);
}

void metrics::count_reuse(std::size_t thread, std::size_t store) noexcept
{
    threads_[thread]->stores[store].reused.add(1);
}

void metrics::count_opened(std::size_t thread, std::size_t store, std::size_t key) noexcept
{
    threads_[thread]->opened_records[store * keys_.size() + key].add(1);
}

void metrics::set_circuit(std::size_t store, bool open) noexcept
{
    open_circuits_[store] = open;
}

void metrics::connection_opened(std::size_t thread) noexcept
{
    threads_[thread]->opened.add(1);
}

void metrics::connection_closed(std::size_t thread) noexcept
{
    threads_[thread]->closed.add(1);
}

void metrics::connection_refused(std::size_t thread) noexcept
{
    threads_[thread]->refused.add(1);
}

void metrics::reader_opened(std::size_t thread) noexcept
{
    threads_[thread]->readers_opened.add(1);
}

void metrics::reader_closed(std::size_t thread) noexcept
{
    threads_[thread]->readers_closed.add(1);
}

void metrics::reader_dropped(std::size_t thread) noexcept
{
    threads_[thread]->readers_dropped.add(1);
}

std::size_t metrics::connections() const noexcept
{
    std::uint64_t opened = 0;
    std::uint64_t closed = 0;
    for (const auto& t : threads_)
        closed += t->closed.get();
    for (const auto& t : threads_)
        opened += t->opened.get();
    return opened - std::min(opened, closed);
}

std::string metrics::text() const
{
    // Sums what `pick` finds in each thread.
    const auto sum = [&](auto pick) {
        std::uint64_t total = 0;
        for (const auto& t : threads_)
            total += pick(*t).get();
        return static_cast<double>(total);
    };

    MetricFamily requests{
        "coatcheck_http_requests_total", "Answers by route, method and status.", MetricType::Counter, {}};
    for (std::size_t r = 0; r < routes_.size(); ++r)
        for (std::size_t m = 0; m < method_count; ++m)
            for (std::size_t s = 0; s < statuses.size(); ++s)
                if (const double n = sum([&](auto& t) -> auto& { return t.routes[r].requests[m][s]; }); n > 0)
                    requests.metric.push_back(
                        labelled({{"route", routes_[r]},
                                  {"method", std::string(name_of(static_cast<method>(m)))},
                                  {"status", statuses[s] == 0 ? "other" : std::to_string(statuses[s])}},
                                 n, MetricType::Counter));

    MetricFamily took{
        "coatcheck_store_operation_seconds", "How long operations of a store took.", MetricType::Histogram, {}};
    MetricFamily errors{"coatcheck_store_errors_total", "Operations of a store that failed.", MetricType::Counter, {}};
    MetricFamily unreadable{"coatcheck_sessions_unreadable_total",
                            "Answers that a record cannot be read by anybody.",
                            MetricType::Counter,
                            {}};
    MetricFamily reused{"coatcheck_rotated_ids_reused_total",
                        "Uses of an id after its rotation and the grace.",
                        MetricType::Counter,
                        {}};
    MetricFamily opened{"coatcheck_store_records_opened_total",
                        "Records of an encrypted store that were read, by the key that opened them.",
                        MetricType::Counter,
                        {}};
    MetricFamily circuits{"coatcheck_store_circuit_open",
                          "1 while requests are refused because the store is away.",
                          MetricType::Gauge,
                          {}};
    for (std::size_t s = 0; s < stores_.size(); ++s) {
        circuits.metric.push_back(
            labelled({{"store", stores_[s]}}, open_circuits_[s].load() ? 1 : 0, MetricType::Gauge));
        for (std::size_t o = 0; o < operation_names.size(); ++o) {
            const std::vector<ClientMetric::Label> labels{{"store", stores_[s]},
                                                          {"operation", std::string(operation_names[o])}};
            ClientMetric m;
            m.label = labels;
            std::uint64_t cumulative = 0;
            for (std::size_t b = 0; b <= buckets.size(); ++b) {
                cumulative += static_cast<std::uint64_t>(
                    sum([&](auto& t) -> auto& { return t.stores[s].operations[o].took.counts[b]; }));
                m.histogram.bucket.push_back({cumulative, b < buckets.size()
                                                              ? in_seconds(buckets[b])
                                                              : std::numeric_limits<double>::infinity()});
            }
            m.histogram.sample_count = cumulative;
            m.histogram.sample_sum =
                sum([&](auto& t) -> auto& { return t.stores[s].operations[o].took.nanoseconds_in_all; }) /
                std::nano::den;
            took.metric.push_back(std::move(m));

            for (std::size_t e = 0; e < error_capacity; ++e)
                if (const double n = sum([&](auto& t) -> auto& { return t.stores[s].operations[o].errors[e]; });
                    n > 0) {
                    errors.metric.push_back(labelled(labels, n, MetricType::Counter));
                    errors.metric.back().label.push_back({"error", error_name(e)});
                }
        }
        for (std::size_t k = 0; k < keys_.size(); ++k)
            opened.metric.push_back(labelled(
                {{"store", stores_[s]}, {"key", keys_[k]}},
                sum([&](auto& t) -> auto& { return t.opened_records[s * keys_.size() + k]; }), MetricType::Counter));
        unreadable.metric.push_back(labelled({{"store", stores_[s]}},
                                             sum([&](auto& t) -> auto& { return t.stores[s].unreadable; }),
                                             MetricType::Counter));
        reused.metric.push_back(labelled(
            {{"store", stores_[s]}}, sum([&](auto& t) -> auto& { return t.stores[s].reused; }), MetricType::Counter));
    }

    const double readers_closed = sum([](auto& t) -> auto& { return t.readers_closed; });
    const double readers_opened = sum([](auto& t) -> auto& { return t.readers_opened; });

    MetricFamily build{"coatcheck_build_info", "The release that runs.", MetricType::Gauge, {}};
    build.metric.push_back(labelled({{"version", version_}}, 1, MetricType::Gauge));

    return prometheus::TextSerializer().Serialize({
        std::move(requests),
        std::move(took),
        std::move(errors),
        std::move(unreadable),
        std::move(reused),
        std::move(opened),
        std::move(circuits),
        single("coatcheck_connections", "Connections that are open.", MetricType::Gauge,
               static_cast<double>(connections())),
        single("coatcheck_connections_refused_total", "Connections closed at once for want of room.",
               MetricType::Counter, sum([](auto& t) -> auto& { return t.refused; })),
        single("coatcheck_event_readers", "Readers of /v1/events.", MetricType::Gauge,
               readers_opened - std::min(readers_opened, readers_closed)),
        single("coatcheck_event_readers_dropped_total", "Readers of /v1/events that were too slow.",
               MetricType::Counter, sum([](auto& t) -> auto& { return t.readers_dropped; })),
        std::move(build),
        single("process_start_time_seconds", "When the process started, in seconds since the epoch.", MetricType::Gauge,
               started_),
        single("process_resident_memory_bytes", "Resident memory.", MetricType::Gauge, resident_bytes()),
        single("process_open_fds", "Open file descriptors.", MetricType::Gauge, open_descriptors()),
    });
}

} // namespace coatcheck
