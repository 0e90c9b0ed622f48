#include "backends/mysql/sweeper.hpp"

namespace coatcheck::mysql {

namespace {

using namespace std::chrono_literals;

constexpr auto time_to_connect = 3s;
constexpr auto time_for_statement = 5s;

// Between batches, so that the callers' statements come first.
constexpr auto breath = 20ms;

constexpr std::size_t no_more = 0;

deadline soon()
{
    return std::chrono::steady_clock::now() + time_for_statement;
}

// At most 64 characters, the server's limit. It ends with the connection.
std::string try_lock(const std::string& table)
{
    return "SELECT GET_LOCK(CONCAT('coatcheck ', LEFT(SHA2(CONCAT(DATABASE(), '." + table + "'), 256), 40)), 0)";
}

} // namespace

sweeper::sweeper(const config& settings, const statements& sql, const std::atomic<bool>& stopping)
    : config_(settings), sql_(sql), stopping_(stopping), thread_([this](const std::stop_token& stop) { loop(stop); })
{}

sweeper::~sweeper()
{
    thread_.request_stop();
    thread_.join();
}

// False when it is time to end.
bool sweeper::pause(std::chrono::milliseconds time, const std::stop_token& stop)
{
    std::unique_lock lock(mutex_);
    ended_.wait_for(lock, stop, time, [] { return false; });
    return !stop.stop_requested();
}

void sweeper::loop(const std::stop_token& stop)
{
    const client_thread thread;
    const auto mean = config_.sweep_interval / 1ms;
    std::uniform_int_distribution<std::chrono::milliseconds::rep> interval(mean / 2, mean * 3 / 2);
    while (pause(interval(jitter_) * 1ms, stop))
        sweep(stop);
}

// What fails here fails for the callers too, who say so; it is tried again the next time.
void sweeper::sweep(const std::stop_token& stop)
{
    client with(config_, sql_, stopping_);
    if (!with.connect(std::chrono::steady_clock::now() + time_to_connect))
        return;
    // It holds rows while it waits.
    if (!with.query("SET SESSION innodb_lock_wait_timeout = 1", soon()))
        return;
    const auto mine = with.query(try_lock(config_.table), soon());
    if (!mine || mine->empty() || mine->front() != "1")
        return;
    while (remove_some(with) != no_more && pause(breath, stop)) {
    }
}

// How many rows were removed.
std::size_t sweeper::remove_some(client& with)
{
    if (!with.prepare(verb::expired, soon()) || !with.prepare(verb::forget, soon()))
        return no_more;
    const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    const parameter past[] = {static_cast<std::uint64_t>(now.time_since_epoch().count())};
    if (!with.query("START TRANSACTION", soon()))
        return no_more;
    const auto found = with.select(verb::expired, past, shape{0, 1}, soon());
    if (!found || found->empty())
        return no_more; // the transaction ends with the connection
    for (const auto& each : *found) {
        const parameter handle[] = {text{each.strings.front()}};
        if (!with.execute(verb::forget, handle, soon()))
            return no_more;
    }
    if (!with.query("COMMIT", soon()))
        return no_more;
    return found->size();
}

} // namespace coatcheck::mysql
