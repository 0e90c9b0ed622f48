#pragma once
// libmariadb's blocking interface with owners, and with deadlines to the millisecond.

#include "backends/mysql/config.hpp"
#include "backends/mysql/sql_error.hpp"
#include "backends/mysql/statements.hpp"
#include "backends/mysql/stored_row.hpp"
#include "backends/transport/runtime.hpp"

#include <mysql.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace coatcheck::mysql {

// One connection, and what was prepared on it. Belongs to the thread that makes it. What is_broken() closes it, so that
// half a reply is never taken for another one's; what ends_connection() does too, unless it is a new one.
class client {
public:
    // All three must outlive the client. Once `stopping` is set, what waits for the server fails at once.
    client(const config& settings, const statements& sql, const std::atomic<bool>& stopping);
    ~client();
    client(const client&) = delete;
    client& operator=(const client&) = delete;

    // A session that is strict, commits by itself and waits for locks no longer than some seconds. The time to look up
    // the host's name, and the handshake of TLS, may take some seconds past `by`.
    answer<void> connect(deadline by);

    bool open() const noexcept { return connection_ != nullptr; }

    // The server has closed the connection, or said something nobody asked: nothing may be sent any more.
    bool hung_up() const noexcept;

    void close() noexcept;

    std::string server_version() const { return mysql_get_server_info(connection_.get()); }

    answer<void> ping(deadline by);

    // Without parameters; the values of the first row, if there is one.
    answer<std::vector<std::string>> query(const std::string& sql, deadline by);

    // Makes sure that the server knows the statement. Nothing is done yet.
    answer<void> prepare(verb what, deadline by);

    // Of a statement that is prepared: the rows that it found, changed or not.
    answer<std::uint64_t> execute(verb what, std::span<const parameter> with, deadline by);

    // The same, for one that answers rows.
    answer<std::vector<row>> select(verb what, std::span<const parameter> with, shape each, deadline by);

    // For the next prepare() to do it anew.
    void unprepare(verb what) noexcept;

private:
    struct closes_connection {
        void operator()(MYSQL* m) const noexcept;
    };
    struct closes_statement {
        void operator()(MYSQL_STMT* s) const noexcept { mysql_stmt_close(s); }
    };

    void set_options(MYSQL* to) const;
    answer<void> begin_session(deadline by);
    sql_error failed(unsigned number, const char* text);
    sql_error failed() { return failed(mysql_errno(connection_.get()), mysql_error(connection_.get())); }
    sql_error failed(MYSQL_STMT* s) { return failed(mysql_stmt_errno(s), mysql_stmt_error(s)); }
    MYSQL_STMT* statement(verb what) const noexcept { return prepared_.at(static_cast<std::size_t>(what)).get(); }

    const config& config_;
    const statements& sql_;
    const std::atomic<bool>& stopping_;
    std::chrono::steady_clock::time_point made_{};
    std::unique_ptr<MYSQL, closes_connection> connection_;
    std::array<std::unique_ptr<MYSQL_STMT, closes_statement>, verbs> prepared_;
};

// What a thread needs before it uses clients.
struct client_thread {
    client_thread();
    ~client_thread();
    client_thread(const client_thread&) = delete;
    client_thread& operator=(const client_thread&) = delete;
};

// Once, before the threads.
void initialise_library();

} // namespace coatcheck::mysql
