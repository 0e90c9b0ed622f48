#pragma once
// What the operator configured: plain structs. One YAML file, COATCHECK_* environment variables over it.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace coatcheck {

// Where the daemon listens: "127.0.0.1:8642", "[::1]:8642", "unix:/run/coatcheck.sock?mode=0660&group=www-data".
struct listen_address {
    enum class family : std::uint8_t { tcp, unix_socket };

    family kind = family::tcp;
    std::string host; // tcp: an address, not a name
    std::uint16_t port = 0;
    std::string path;                  // unix socket
    std::optional<std::uint32_t> mode; // unix socket: permission bits
    std::optional<std::string> group;  // unix socket: name of the owning group

    bool is_loopback() const noexcept; // true for unix sockets too
    std::string str() const;           // as it is written in the configuration

    // Throws std::invalid_argument with a sentence for the operator.
    static listen_address parse(const std::string& text);
};

struct tls_config {
    std::string certificate_file; // PEM chain
    std::string key_file;         // PEM
    std::string client_ca_file;   // PEM; empty: no client certificates are asked for
};

struct limits_config {
    std::size_t body = 1U << 20U;   // bytes, of a body and of its MessagePack form
    std::size_t header = 8U << 10U; // bytes, of a request's line and fields
    std::size_t connections = 10000;
    std::chrono::milliseconds header_timeout{10'000};
    std::chrono::milliseconds body_timeout{30'000};
    std::chrono::milliseconds idle_timeout{60'000}; // of a connection between requests
};

// What a login does that makes more sessions of one subject than it may have.
enum class when_too_many : std::uint8_t { end_oldest, refuse };

struct store_config {
    std::string url;
    std::chrono::seconds idle_timeout{86'400};
    std::optional<std::chrono::seconds> absolute_timeout;       // unset: no absolute end
    std::optional<std::chrono::seconds> anonymous_idle_timeout; // for sessions without a subject
    std::chrono::milliseconds tombstone{60'000};                // how long an ended session is remembered
    std::chrono::milliseconds deadline{2'000};                  // of one backend operation
    std::size_t max_per_subject = 0;                            // sessions of one subject; 0: any number
    when_too_many too_many = when_too_many::end_oldest;
    bool adopt_ids = true; // false: a PUT to an unknown id is 404
};

struct encryption_config {
    std::vector<std::string> keys;   // files of one key each: the first seals, all open
    std::string realm = "coatcheck"; // bound into every record
    bool accepts_plain_records = false;
};

enum class log_format : std::uint8_t { automatic, text, json }; // automatic: text on a terminal, JSON elsewhere

struct log_config {
    std::string level = "info"; // spdlog's names: debug, info, warn, error
    log_format format = log_format::automatic;
};

struct config {
    std::vector<listen_address> listen;         // default 127.0.0.1:8642
    std::vector<listen_address> ops_listen;     // only /healthz, /readyz and /metrics, without tokens
    std::optional<tls_config> tls;              // of the TCP listeners in `listen`
    std::size_t threads = 0;                    // after loading: at least 1
    std::map<std::string, store_config> stores; // by name; "default" is always there
    std::string tokens_file;                    // empty: no tokens
    std::string token;            // COATCHECK_TOKEN[_FILE]: one token with scope app on every store; a secret
    std::string handle_key_file;  // empty: handles are plain SHA-256
    std::string subject_key_file; // empty: subjects are kept as they are sent
    std::optional<encryption_config> encryption; // of every store; unset: records are kept as they are
    std::vector<std::string> hosts; // Host names that token-less TCP listeners answer to, beside the loopback's
    bool ids_in_path = true;
    bool insecure = false; // listen beyond loopback without tokens
    limits_config limits;
    log_config log;
    std::chrono::milliseconds drain_delay{0};        // after SIGTERM, how long new connections are still served
    std::chrono::milliseconds drain_timeout{10'000}; // then how long running requests may take
};

// Every mistake found in one pass, one a line, each with its key path ("stores.default.idle_timeout: …").
class config_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

using environment = std::map<std::string, std::string>;

// The COATCHECK_* variables of this process, and HOME and XDG_STATE_HOME.
environment process_environment();

// Reads the YAML file at `path` (none if empty), lays `env` over it and checks the whole. `insecure` is the command
// line's --insecure. Files that the configuration names must be readable; what is in them is checked by who uses them.
// Throws config_error.
config load_config(const std::string& path, const environment& env, bool insecure = false);

// The effective configuration as YAML that load_config accepts in the same environment. Without secrets: passwords in
// URLs are masked, tokens left out.
std::string describe(const config& c);

// 1 to 32 characters of [a-z0-9_-].
bool is_store_name(std::string_view text) noexcept;

// Threads that this process may use: the cgroup's CPU quota, rounded up, else the number of CPUs it may run on.
std::size_t usable_cpus();

// Where the embedded default keeps its file: /var/lib/coatcheck for root, else $XDG_STATE_HOME/coatcheck or
// ~/.local/state/coatcheck. Throws config_error if there is no home either.
std::string default_state_folder(const environment& env);

} // namespace coatcheck
