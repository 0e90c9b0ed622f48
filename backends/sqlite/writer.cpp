#include "backends/sqlite/writer.hpp"

#include "backends/sqlite/schema.hpp"

#include <boost/asio/post.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

namespace coatcheck::sqlite {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

// What a batch may hold: more than wait on a busy day, and little enough that nobody waits long for it.
constexpr std::size_t max_batch_jobs = 512;
constexpr std::size_t max_batch_bytes = 4 << 20;

// What may wait: seconds of work for a slow disk; the callers behind it would only pass their deadlines.
constexpr std::size_t max_queued_jobs = 8192;
constexpr std::size_t max_queued_bytes = 32 << 20;

constexpr int sweep_rows = 200;
constexpr auto sweep_interval = 30s;

// How far ahead the file takes its room.
constexpr int file_chunk = 1 << 20;

// What the log keeps for itself from the start, for a disk that fills up before it has grown.
constexpr off_t log_room = 1 << 20;

// Where the file system cannot do it, or is full already, the log takes what there is.
void reserve_log(const std::string& log)
{
    const int fd = ::open(log.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    ::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, log_room);
    ::close(fd);
}

connection open(const config& c)
{
    make_file(c.file);
    connection db(c.file, access::read_write);
    sqlite3_busy_timeout(db.get(), 10'000); // another daemon may be starting on the same file
    prepare(db, c.file.string());
    db.run(c.durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    int chunk = file_chunk;
    sqlite3_file_control(db.get(), "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
    reserve_log(c.file.string() + "-wal");
    db.run("PRAGMA secure_delete = ON"); // what has ended does not stay readable in the file's free pages
    return db;
}

} // namespace

writer::writer(const config& c, runtime& threads)
    : db_(open(c)), table_(db_), page_count_(db_, "PRAGMA page_count"),
      page_size_(std::stoll(db_.ask("PRAGMA page_size"))), threads_(threads)
{
    for (std::size_t i = 0; i < threads.threads(); ++i)
        waiters_.push_back(std::make_shared<waiters>(threads.context(i)));
    sqlite3_busy_handler(db_.get(), &writer::wait_for_other_daemons, this);
    thread_ = std::thread([this] { loop(); });
}

writer::~writer()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    work_.notify_one();
    thread_.join();
    for (const auto& each : waiters_)
        each->abandon();
}

awaitable<result<write>> writer::execute(std::function<result<write>(sessions_table&)> work, std::size_t payload,
                                         bool grows, deadline by)
{
    if (by <= clock::now())
        co_return failure{errc::timed_out, "sqlite: the deadline had passed before the write"};
    const auto next = std::make_shared<job>();
    next->run = std::move(work);
    next->grows = grows;
    next->size = payload + sizeof(job);
    next->thread = runtime::this_thread();
    next->by = by;
    if (!submit(next))
        co_return failure{errc::unavailable, "sqlite: too many writes wait for the disk"};
    if (auto late = co_await waiters_[next->thread]->wait(next))
        co_return *std::move(late);
    co_return std::move(next->answer);
}

bool writer::submit(const job_ptr& next)
{
    {
        const std::lock_guard lock(mutex_);
        if (queue_.size() >= max_queued_jobs || queued_bytes_ + next->size > max_queued_bytes)
            return false;
        queue_.push_back(next);
        queued_bytes_ += next->size;
    }
    work_.notify_one();
    return true;
}

writer::batch writer::take(clock::time_point latest)
{
    std::unique_lock lock(mutex_);
    work_.wait_until(lock, latest, [&] { return stopping_ || !queue_.empty(); });
    batch jobs;
    std::size_t bytes = 0;
    while (!queue_.empty() && jobs.size() < max_batch_jobs &&
           (jobs.empty() || bytes + queue_.front()->size <= max_batch_bytes)) {
        bytes += queue_.front()->size;
        jobs.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    queued_bytes_ -= bytes;
    return jobs;
}

void writer::loop()
{
    auto next_sweep = clock::now();
    while (!stopping_) {
        const batch jobs = take(next_sweep);
        if (stopping_)
            break;
        if (!jobs.empty()) {
            perform(jobs);
            give_back(jobs);
        }
        if (clock::now() >= next_sweep)
            next_sweep = sweep();
    }
}

// A full disk refuses what would grow the file, and nothing else: users must be able to log out of it. That works
// because the file has its room before a transaction is committed that needs it, so the log can always be copied into
// the file and then be written over from its beginning.
void writer::perform(const batch& jobs)
{
    const auto failed = transact(jobs);
    if (!failed || failed->code != errc::full)
        return;
    for (const auto& each : jobs)
        if (!each->grows) {
            sqlite3_wal_checkpoint_v2(db_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
            transact({&each, 1}); // alone: a tombstone for a session that there never was may need room
        }
}

result<void> writer::reserve()
{
    const use scope(page_count_);
    if (const int code = page_count_.step(); code != SQLITE_ROW)
        return db_.failed(code, "counting pages");
    return db_.reserve(page_count_.integer(0) * page_size_);
}

// Answers all jobs; the failure that hit all of them, if there was one.
std::optional<failure> writer::transact(std::span<const job_ptr> jobs)
{
    const auto fail_all = [&](failure f) {
        if (db_.in_transaction())
            sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
        for (const auto& each : jobs)
            each->answer = f;
        return f;
    };

    patience_ = std::ranges::max(jobs, {}, &job::by)->by;
    if (const int code = sqlite3_exec(db_.get(), "BEGIN IMMEDIATE", nullptr, nullptr, nullptr); code != SQLITE_OK) {
        failure f = db_.failed(code, "beginning a transaction");
        if ((code & 0xff) == SQLITE_BUSY)
            f.code = errc::timed_out; // by now all their deadlines have passed
        return fail_all(std::move(f));
    }
    const auto begun = clock::now();
    for (const auto& each : jobs) {
        if (each->by <= begun) {
            each->answer = failure{errc::timed_out, "sqlite: the deadline passed while the write waited"};
            continue;
        }
        each->answer = each->run(table_);
        if (!db_.in_transaction()) // SQLite rolls back by itself after some failures
            return fail_all(each->answer.error());
    }
    if (const auto reserved = reserve(); !reserved)
        return fail_all(reserved.error());
    if (const int code = sqlite3_exec(db_.get(), "COMMIT", nullptr, nullptr, nullptr); code != SQLITE_OK)
        return fail_all(db_.failed(code, "committing"));
    return std::nullopt;
}

void writer::give_back(const batch& jobs)
{
    std::vector<batch> by_thread(waiters_.size());
    for (const auto& each : jobs)
        by_thread[each->thread].push_back(each);
    for (std::size_t i = 0; i < by_thread.size(); ++i)
        if (!by_thread[i].empty())
            asio::post(threads_.context(i), [to = waiters_[i], done = std::move(by_thread[i])] { to->finish(done); });
}

// When to sweep next. What fails here fails for the writes too, which say so.
writer::clock::time_point writer::sweep()
{
    patience_ = {}; // if another daemon writes, it sweeps as well
    const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    const auto removed = table_.sweep(now, sweep_rows);
    if (removed && *removed == sweep_rows)
        return clock::now();
    return clock::now() + std::uniform_int_distribution(sweep_interval / 2ms, sweep_interval * 3 / 2ms)(jitter_) * 1ms;
}

int writer::wait_for_other_daemons(void* self, int)
{
    const auto& w = *static_cast<writer*>(self);
    if (w.stopping_ || clock::now() >= w.patience_)
        return 0;
    std::this_thread::sleep_for(1ms);
    return 1;
}

} // namespace coatcheck::sqlite
