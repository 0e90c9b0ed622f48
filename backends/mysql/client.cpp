#include "backends/mysql/client.hpp"

#include "backends/mysql/binding.hpp"

#include <openssl/x509.h>

#include <errmsg.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

namespace coatcheck::mysql {

namespace {

using namespace std::chrono_literals;

constexpr unsigned seconds_for_connecting = 3;
// A connection that leads to a server which refuses is made anew once it has lasted so long.
constexpr auto shortest_life = 1s;

constexpr unsigned long largest_reply = 64UL << 20U; // bytes

constexpr unsigned long first_mysql = 80001;    // SKIP LOCKED
constexpr unsigned long first_mariadb = 100600; // the same

// The library passes a wait nothing of the caller's, so the thread keeps it.
struct {
    deadline by;
    const std::atomic<bool>* stopping = nullptr;
    bool tls = false;
    bool late = false;
} thread_local limit;

void wait_until(deadline by, const std::atomic<bool>& stopping, bool tls) noexcept
{
    limit.tls = tls;
    limit.by = by;
    limit.stopping = &stopping;
    limit.late = false;
}

// In place of the library's own waits, whose timeouts are whole seconds, fixed when the connection is made. Over TLS it
// asks to read even where OpenSSL wants to write, and both ends would wait for the other: so such a wait ends soon, and
// the library tries again.
int wait_for_server(my_socket socket, my_bool reading, int)
{
    constexpr auto look_for_stop = 50ms;
    constexpr auto try_tls_again = 2ms;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit.by - std::chrono::steady_clock::now());
        limit.late = left <= 0ms;
        if (limit.late || *limit.stopping) {
            errno = ETIMEDOUT;
            return 0;
        }
        pollfd waiting{socket, static_cast<short>(reading != 0 ? POLLIN : POLLOUT), 0};
        const auto longest = limit.tls ? try_tls_again : look_for_stop;
        const int ready = poll(&waiting, 1, static_cast<int>(std::min(left, longest + 0ms).count()));
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return ready;
        if (limit.tls)
            return 1;
    }
}

template <class T>
void set(MYSQL* to, mysql_option what, const T& value)
{
    mysql_optionsv(to, what, &value);
}

void set(MYSQL* to, mysql_option what, const char* value)
{
    mysql_optionsv(to, what, value);
}

// What the system trusts, by name: left to itself, the library may take a stranger's certificate if it knows the
// password's hash.
void trust_system(MYSQL* to)
{
    const auto or_default = [](const char* variable, const char* otherwise) {
        const char* const set_to = std::getenv(variable);
        return set_to != nullptr ? set_to : otherwise;
    };
    const char* const file = or_default(X509_get_default_cert_file_env(), X509_get_default_cert_file());
    if (access(file, R_OK) == 0)
        set(to, MYSQL_OPT_SSL_CA, file);
    set(to, MYSQL_OPT_SSL_CAPATH, or_default(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()));
}

// What may be answered to a server that asks for it. Those that show a password, or encrypt it for whoever sends a key,
// need a server that is known to be the right one.
const char* methods(const config& c) noexcept
{
    if (!c.socket.empty())
        return nullptr;
    if (c.tls)
        return "mysql_native_password,client_ed25519,parsec,caching_sha2_password,sha256_password,mysql_clear_password,"
               "dialog";
    if (c.loopback)
        return "mysql_native_password,client_ed25519,parsec,caching_sha2_password,sha256_password";
    return "mysql_native_password,client_ed25519,parsec";
}

} // namespace

void client::closes_connection::operator()(MYSQL* m) const noexcept
{
    mysql_close(m);
}

client::client(const config& settings, const statements& sql, const std::atomic<bool>& stopping)
    : config_(settings), sql_(sql), stopping_(stopping)
{}

client::~client()
{
    close();
}

void client::close() noexcept
{
    wait_until(std::chrono::steady_clock::now() + 100ms, stopping_, config_.tls);
    connection_.reset(); // before its statements, each of which would say good-bye to the server
    for (auto& each : prepared_)
        each.reset();
}

void client::unprepare(verb what) noexcept
{
    prepared_.at(static_cast<std::size_t>(what)).reset();
}

void client::set_options(MYSQL* to) const
{
    mysql_optionsv(to, MARIADB_OPT_IO_WAIT, reinterpret_cast<void*>(&wait_for_server));
    set(to, MYSQL_OPT_CONNECT_TIMEOUT, seconds_for_connecting); // of what does not wait by wait_for_server: TLS, names
    set(to, MYSQL_OPT_PROTOCOL, config_.socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET);
    set(to, MYSQL_OPT_RECONNECT, my_bool{0});
    set(to, MYSQL_OPT_LOCAL_INFILE, 0U); // a server could ask for any file of ours
    set(to, MYSQL_OPT_MAX_ALLOWED_PACKET, largest_reply);
    set(to, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_optionsv(to, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "coatcheckd");
    if (const char* const allowed = methods(config_))
        set(to, MARIADB_OPT_RESTRICTED_AUTH, allowed);
    set(to, MYSQL_OPT_SSL_ENFORCE, my_bool{config_.tls});
    set(to, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, my_bool{config_.tls});
    if (!config_.tls)
        return;
    set(to, MARIADB_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3");
    if (config_.files.ca.empty())
        trust_system(to);
    else
        set(to, MYSQL_OPT_SSL_CA, config_.files.ca.c_str());
    if (!config_.files.certificate.empty()) {
        set(to, MYSQL_OPT_SSL_CERT, config_.files.certificate.c_str());
        set(to, MYSQL_OPT_SSL_KEY, config_.files.key.c_str());
    }
}

answer<void> client::connect(deadline by)
{
    close();
    wait_until(by, stopping_, config_.tls);
    connection_.reset(mysql_init(nullptr));
    if (!connection_)
        return sql_error{CR_OUT_OF_MEMORY, "no memory for a connection"};
    set_options(connection_.get());
    const auto or_null = [](const std::string& s) { return s.empty() ? nullptr : s.c_str(); };
    if (mysql_real_connect(connection_.get(), or_null(config_.host), config_.user.c_str(), config_.password.c_str(),
                           config_.database.c_str(), config_.port, or_null(config_.socket),
                           CLIENT_FOUND_ROWS) == nullptr) {
        auto why = failed();
        close();
        return why;
    }
    made_ = std::chrono::steady_clock::now();
    // Else TLS would block inside OpenSSL rather than wait by wait_for_server.
    const int socket = mysql_get_socket(connection_.get());
    fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK);
    auto begun = begin_session(by);
    if (!begun)
        close();
    return begun;
}

answer<void> client::begin_session(deadline by)
{
    const auto version = mysql_get_server_version(connection_.get());
    if (version < (mariadb_connection(connection_.get()) != 0 ? first_mariadb : first_mysql))
        return sql_error{CR_VERSION_ERROR, "MySQL 8.0.1 or MariaDB 10.6 is needed, and this is " + server_version()};
    // Nothing is cut to fit or stored in another engine, whatever the server's defaults are; and whoever holds a lock,
    // of a row or, by ALTER TABLE, of the table, makes no statement of ours wait for a day.
    for (const char* const sql :
         {"SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', autocommit = 1, "
          "innodb_lock_wait_timeout = 2, lock_wait_timeout = 2",
          "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"})
        if (auto done = query(sql, by); !done)
            return done.error();
    return {};
}

bool client::hung_up() const noexcept
{
    pollfd quiet{mysql_get_socket(connection_.get()), POLLIN, 0};
    return poll(&quiet, 1, 0) != 0;
}

sql_error client::failed(unsigned number, const char* text)
{
    sql_error e{number != 0 ? number : CR_UNKNOWN_ERROR, text, limit.late};
    if (is_broken(e) && connection_ && mysql_get_socket(connection_.get()) >= 0)
        // The good-bye of mysql_close() must not complete what was sent in part.
        shutdown(mysql_get_socket(connection_.get()), SHUT_RDWR);
    if (is_broken(e) || (ends_connection(e) && std::chrono::steady_clock::now() - made_ > shortest_life))
        close();
    return e;
}

answer<void> client::ping(deadline by)
{
    wait_until(by, stopping_, config_.tls);
    if (mysql_ping(connection_.get()) != 0)
        return failed();
    return {};
}

answer<std::vector<std::string>> client::query(const std::string& sql, deadline by)
{
    wait_until(by, stopping_, config_.tls);
    if (mysql_real_query(connection_.get(), sql.data(), sql.size()) != 0)
        return failed();
    const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> rows(mysql_store_result(connection_.get()),
                                                                        &mysql_free_result);
    if (!rows && mysql_field_count(connection_.get()) != 0)
        return failed();
    std::vector<std::string> values;
    if (rows)
        if (const auto first = mysql_fetch_row(rows.get()))
            for (unsigned i = 0; i < mysql_num_fields(rows.get()); ++i)
                values.emplace_back(first[i] != nullptr ? first[i] : "");
    return values;
}

answer<void> client::prepare(verb what, deadline by)
{
    if (statement(what) != nullptr)
        return {};
    wait_until(by, stopping_, config_.tls);
    std::unique_ptr<MYSQL_STMT, closes_statement> s(mysql_stmt_init(connection_.get()));
    if (!s)
        return failed();
    const auto& sql = sql_.of(what);
    if (mysql_stmt_prepare(s.get(), sql.data(), sql.size()) != 0)
        return failed(s.get());
    prepared_.at(static_cast<std::size_t>(what)) = std::move(s);
    return {};
}

answer<std::uint64_t> client::execute(verb what, std::span<const parameter> with, deadline by)
{
    wait_until(by, stopping_, config_.tls);
    auto* const s = statement(what);
    if (!run(s, with))
        return failed(s);
    return std::uint64_t{mysql_stmt_affected_rows(s)};
}

answer<std::vector<row>> client::select(verb what, std::span<const parameter> with, shape each, deadline by)
{
    wait_until(by, stopping_, config_.tls);
    auto* const s = statement(what);
    result_columns columns(each);
    if (!run(s, with) || mysql_stmt_store_result(s) != 0 || !columns.bind(s))
        return failed(s);
    std::vector<row> rows;
    int fetched = mysql_stmt_fetch(s);
    for (; fetched == 0 || fetched == MYSQL_DATA_TRUNCATED; fetched = mysql_stmt_fetch(s)) {
        auto next = columns.take(s);
        if (!next)
            return failed(s);
        rows.push_back(*std::move(next));
    }
    if (fetched != MYSQL_NO_DATA)
        return failed(s);
    mysql_stmt_free_result(s);
    return rows;
}

client_thread::client_thread()
{
    mysql_thread_init();
    // Signals are other threads' business, and OpenSSL writes without MSG_NOSIGNAL.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

client_thread::~client_thread()
{
    mysql_thread_end();
}

void initialise_library()
{
    static std::once_flag once;
    std::call_once(once, [] {
        if (mysql_library_init(0, nullptr, nullptr) != 0)
            throw std::runtime_error("mysql: libmariadb cannot be initialised");
    });
}

} // namespace coatcheck::mysql
