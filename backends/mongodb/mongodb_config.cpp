#include "backends/mongodb/mongodb_config.hpp"

#include "backends/percent_encoding.hpp"
#include "backends/transport/tls.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

namespace coatcheck::mongodb {

namespace {

constexpr std::size_t max_namespace = 120; // bytes of database.collection in servers before 4.4
constexpr std::size_t max_database = 63;   // bytes
constexpr std::size_t max_connections = 64;

// Where the URL says nothing. The store's deadline is 2 s by default; only a network that is dead keeps a thread for
// longer.
constexpr std::array<std::pair<const char*, std::int32_t>, 3> default_times_ms{{
    {MONGOC_URI_CONNECTTIMEOUTMS, 2000},
    {MONGOC_URI_SERVERSELECTIONTIMEOUTMS, 1000},
    {MONGOC_URI_SOCKETTIMEOUTMS, 5000},
}};

constexpr std::string_view always_verified = "the server's certificate and name are always verified";
constexpr std::string_view from_primary =
    "sessions are read from the primary, since a secondary may still show one that "
    "has ended";
constexpr std::string_view pool_says = "'pool' says how many connections there are";
constexpr std::string_view not_here = "it has no effect here";

constexpr std::array<std::pair<std::string_view, std::string_view>, 15> refused_options{{
    {"tlsallowinvalidcertificates", always_verified},
    {"tlsallowinvalidhostnames", always_verified},
    {"tlsinsecure", always_verified},
    {"sslallowinvalidcertificates", always_verified},
    {"sslallowinvalidhostnames", always_verified},
    {"readpreferencetags", from_primary},
    {"maxstalenessseconds", from_primary},
    {"slaveok", from_primary},
    {"maxpoolsize", pool_says},
    {"minpoolsize", pool_says},
    {"waitqueuemultiple", pool_says},
    {"waitqueuetimeoutms", pool_says},
    {"serverselectiontryonce", not_here},
    {"socketcheckintervalms", not_here},
    {"safe", not_here},
}};

// The first is what the server and libmongoc agree on.
constexpr std::array<std::string_view, 7> mechanisms{
    "", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "MONGODB-X509", "MONGODB-AWS", "GSSAPI"};

std::string lower(std::string_view text)
{
    std::string out(text);
    for (char& c : out)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    return out;
}

std::string encoded(std::string_view text)
{
    std::string out;
    percent_encode_to(out, text);
    return out;
}

std::string encoded_hosts(const backend_url& url)
{
    std::string out;
    for (const auto& [host, port] : url.hosts) {
        if (!out.empty())
            out += ',';
        if (host.find(':') != host.npos)
            out.append("[").append(host).append("]");
        else
            out += encoded(host);
        if (port)
            out.append(":").append(std::to_string(*port));
    }
    return out;
}

// The URL as libmongoc takes it, with those parameters that are its own.
std::string uri_text(const backend_url& url, const std::map<std::string, std::string>& options)
{
    std::string out = url.scheme + "://" + encoded(url.user);
    if (!url.password.empty())
        out += ":" + encoded(url.password);
    out += (url.user.empty() ? "" : "@") + encoded_hosts(url) + "/";
    if (url.path.size() > 1)
        out += encoded(std::string_view(url.path).substr(1));
    char separator = '?';
    for (const auto& [name, value] : options) {
        out += separator + encoded(name) + "=" + encoded(value);
        separator = '&';
    }
    return out;
}

// `message` without anything that the URL keeps secret.
std::string without_secrets(std::string message, const backend_url& url)
{
    std::vector<std::string> secrets{url.password, encoded(url.password)};
    for (const auto& [name, value] : url.query)
        if (lower(name).find("password") != std::string::npos || lower(name) == "authmechanismproperties")
            secrets.insert(secrets.end(), {value, encoded(value)});
    for (const auto& secret : secrets)
        for (std::size_t at = 0; !secret.empty() && (at = message.find(secret, at)) != message.npos; at += 3)
            message.replace(at, secret.size(), "***");
    return message;
}

void check_hosts(const backend_url& url)
{
    if (url.hosts.empty() || url.host().host.empty())
        throw std::invalid_argument(url.scheme + ":// needs a host, as in " + url.scheme + "://" +
                                    (url.scheme == "mongodb" ? "localhost:27017" : "cluster.example.com"));
    if (url.scheme == "mongodb")
        return;
    if (url.hosts.size() > 1)
        throw std::invalid_argument("mongodb+srv:// takes one host, whose DNS records name the servers");
    if (url.host().port)
        throw std::invalid_argument("mongodb+srv:// takes no port: the host's DNS records have them");
}

void check_names(const std::string& database, const std::string& collection)
{
    if (database.empty() || database.size() > max_database || database.find_first_of("/\\. \"$*<>:|?") != database.npos)
        throw std::invalid_argument("a MongoDB database, as in mongodb://host/coatcheck, is a name of at most 63 bytes "
                                    "without any of / \\ . \" $ * < > : | ? and spaces");
    if (collection.empty() || collection.starts_with("system.") || collection.starts_with('.') ||
        collection.ends_with('.') || collection.find('$') != collection.npos ||
        database.size() + 1 + collection.size() > max_namespace)
        throw std::invalid_argument(
            "the parameter 'collection' is a name without '$' that neither begins nor ends with "
            "'.' nor begins with 'system.'; with the database's it has at most 119 bytes");
}

// What is libmongoc's to understand. It would only warn of what it does not know.
void check_option(const std::string& scheme, const std::string& name, const std::string& value)
{
    const std::string known = lower(name);
    for (const auto& [refused, why] : refused_options)
        if (known == refused)
            throw std::invalid_argument(scheme + ":// has no parameter '" + name + "': " + std::string(why));
    if (known == "readpreference" && value != "primary")
        throw std::invalid_argument("the parameter '" + name + "' can only be primary: " + std::string(from_primary));
    if (known == "authmechanismproperties" && value.find("AWS_SESSION_TOKEN") != value.npos)
        throw std::invalid_argument("AWS_SESSION_TOKEN does not belong into a URL: libmongoc takes it from the "
                                    "environment");
}

// libmongoc would find out when it connects.
void check_credentials(const backend_url& url, const mongoc_uri_t& uri)
{
    const char* const asked = mongoc_uri_get_auth_mechanism(&uri);
    const std::string_view mechanism = asked != nullptr ? asked : "";
    if (std::ranges::find(mechanisms, mechanism) == mechanisms.end())
        throw std::invalid_argument("the parameter 'authMechanism' is SCRAM-SHA-256, SCRAM-SHA-1, PLAIN, MONGODB-X509, "
                                    "MONGODB-AWS or GSSAPI");
    const bool needs_password = mechanism.empty() || mechanism.starts_with("SCRAM") || mechanism == "PLAIN";
    if (!url.user.empty() && url.password.empty() && needs_password)
        throw std::invalid_argument("a MongoDB user needs a password");
}

uri_ptr make_uri(const backend_url& url, const std::map<std::string, std::string>& options)
{
    const overheard warnings;
    bson_error_t error{};
    uri_ptr uri(mongoc_uri_new_with_error(uri_text(url, options).c_str(), &error));
    if (!uri)
        throw std::invalid_argument(without_secrets(url.scheme + ":// is not understood: " + error.message, url));
    if (!warnings.message().empty())
        throw std::invalid_argument(without_secrets(url.scheme + ":// is not understood: " + warnings.message(), url));
    return uri;
}

void add_tls(const tls_files& ours, const backend_url& url, config& to)
{
    mongoc_uri_t* const uri = to.uri.get();
    const bool tls = mongoc_uri_get_tls(uri);
    if (!tls && !(ours.ca + ours.certificate + ours.key).empty())
        throw std::invalid_argument("the parameters 'ca', 'cert' and 'key' need tls=true");
    if (!tls)
        return;
    const auto option = [&](const char* name) {
        const char* const value = mongoc_uri_get_option_as_utf8(uri, name, "");
        return std::string(value);
    };
    tls_files files = ours;
    if (files.ca.empty())
        files.ca = option(MONGOC_URI_TLSCAFILE);
    if (files.certificate.empty() && option(MONGOC_URI_TLSCERTIFICATEKEYFILEPASSWORD).empty())
        files.certificate = files.key = option(MONGOC_URI_TLSCERTIFICATEKEYFILE);
    try {
        make_tls_client(files); // says which file is wrong: libmongoc would find out when it connects
        if (!ours.certificate.empty())
            to.certificate = std::make_unique<pem_pair>(ours.certificate, ours.key);
    } catch (const std::invalid_argument& e) {
        throw std::invalid_argument(url.scheme + "://: " + e.what());
    }
    if (!ours.ca.empty())
        mongoc_uri_set_option_as_utf8(uri, MONGOC_URI_TLSCAFILE, ours.ca.c_str());
    if (to.certificate)
        mongoc_uri_set_option_as_utf8(uri, MONGOC_URI_TLSCERTIFICATEKEYFILE, to.certificate->path().c_str());
}

void add_concerns(config& to)
{
    mongoc_uri_t* const uri = to.uri.get();
    const write_concern_ptr writes(mongoc_write_concern_copy(mongoc_uri_get_write_concern(uri)));
    if (mongoc_write_concern_get_w(writes.get()) == MONGOC_WRITE_CONCERN_W_DEFAULT)
        mongoc_write_concern_set_w(writes.get(), MONGOC_WRITE_CONCERN_W_MAJORITY);
    if (mongoc_write_concern_get_w(writes.get()) == MONGOC_WRITE_CONCERN_W_UNACKNOWLEDGED)
        throw std::invalid_argument("w=0 tells nobody what became of a write; leave 'w' out of the URL");
    mongoc_uri_set_write_concern(uri, writes.get());
    to.safety = safety_of(*writes);

    const read_concern_ptr reads(mongoc_read_concern_copy(mongoc_uri_get_read_concern(uri)));
    const char* const level = mongoc_read_concern_get_level(reads.get());
    if (level == nullptr)
        mongoc_read_concern_set_level(reads.get(), MONGOC_READ_CONCERN_LEVEL_MAJORITY);
    else if (std::string_view(level) != "majority" && std::string_view(level) != "linearizable" &&
             std::string_view(level) != "local")
        throw std::invalid_argument("the parameter 'readConcernLevel' is majority, linearizable or local");
    mongoc_uri_set_read_concern(uri, reads.get());
}

std::size_t take_connections(url_parameters& parameters)
{
    const std::string text = parameters.take("pool").value_or("4");
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number == 0 || number > max_connections)
        throw std::invalid_argument("the parameter 'pool' is a number of connections, from 1 to 64");
    return number;
}

} // namespace

write_safety safety_of(const mongoc_write_concern_t& concern)
{
    write_safety s;
    const auto w = mongoc_write_concern_get_w(&concern);
    const bool says_journal = mongoc_write_concern_journal_is_set(&concern);
    const bool journal = mongoc_write_concern_get_journal(&concern);
    s.majority = w == MONGOC_WRITE_CONCERN_W_MAJORITY;
    s.durable = says_journal ? journal : s.majority;
    const std::string where = s.durable ? " in the journal" : " in memory";
    if (s.majority)
        s.means = "written by a majority of the set," + where + ": w=majority";
    else if (w == MONGOC_WRITE_CONCERN_W_TAG)
        s.means =
            std::string("written as the set's mode says,") + where + ": w=" + mongoc_write_concern_get_wtag(&concern);
    else
        s.means = "written by " + std::to_string(w) + " of the set," + where + ": w=" + std::to_string(w);
    if (!s.majority)
        s.warning = "a fail-over loses what no majority of the set has, logouts among it; leave 'w' out of the URL";
    else if (!s.durable)
        s.warning = "a power cut of the set loses the last writes, logouts among them; leave 'journal' out of the URL";
    return s;
}

config parse_config(const backend_url& url)
{
    use_client_library();
    check_hosts(url);
    url_parameters parameters(url);
    config c;
    c.connections = take_connections(parameters);
    c.database = url.path.size() > 1 ? url.path.substr(1) : "coatcheck";
    c.collection = parameters.take("collection").value_or("sessions");
    check_names(c.database, c.collection);
    const tls_files ours{parameters.take("ca").value_or(""), parameters.take("cert").value_or(""),
                         parameters.take("key").value_or("")};
    std::map<std::string, std::string> options;
    for (const auto& [name, value] : url.query) {
        if (!parameters.take(name))
            continue;
        check_option(url.scheme, name, value);
        options.emplace(name, value);
    }
    c.uri = make_uri(url, options);
    check_credentials(url, *c.uri);
    add_tls(ours, url, c);
    add_concerns(c);
    for (const auto& [name, ms] : default_times_ms)
        if (!mongoc_uri_has_option(c.uri.get(), name))
            mongoc_uri_set_option_as_int32(c.uri.get(), name, ms);
    // A set can tell a repeated write from a new one, but nobody has seen that here: README.md.
    for (const auto* retries : {MONGOC_URI_RETRYREADS, MONGOC_URI_RETRYWRITES})
        if (!mongoc_uri_has_option(c.uri.get(), retries))
            mongoc_uri_set_option_as_bool(c.uri.get(), retries, false);
    if (mongoc_uri_get_appname(c.uri.get()) == nullptr)
        mongoc_uri_set_appname(c.uri.get(), "coatcheck");
    // One more looks for a server that is away.
    mongoc_uri_set_option_as_int32(c.uri.get(), MONGOC_URI_MAXPOOLSIZE, static_cast<std::int32_t>(c.connections) + 1);
    return c;
}

} // namespace coatcheck::mongodb
