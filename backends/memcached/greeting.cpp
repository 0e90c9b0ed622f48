#include "backends/memcached/greeting.hpp"

#include "backends/memcached/binary.hpp"
#include "backends/memcached/codec.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

#include <array>
#include <charconv>

namespace coatcheck::memcached {

namespace {

using type = reply::type;

// Read by no one: whether meta commands are known, and a password is wanted. As long as a header of the binary
// protocol, for which a server that speaks only that waits before it closes.
constexpr std::string_view first_question = "mg coatcheck-greeting O1\r\n";
static_assert(first_question.size() >= 24);

constexpr std::string_view questions = "version\r\nstats settings\r\n";

constexpr std::string_view binary_group = "settings";

failure away(std::string why)
{
    return {errc::unavailable, std::move(why)};
}

// One request after the other, before the pipeline has the connection.
class conversation {
public:
    explicit conversation(stream& with) : with_(with) {}

    // `text` must outlive the co_await.
    awaitable<result<void>> say(std::string_view text)
    {
        const auto [ec, n] = co_await with_.async_write(text, as_result);
        if (ec)
            co_return away("the connection to memcached broke: " + ec.message());
        co_return result<void>();
    }

    // Its views are valid until the next call.
    awaitable<result<reply>> hear()
    {
        for (;;) {
            const auto next = replies_.next();
            if (!next)
                co_return next.error();
            if (*next)
                co_return **next;
            const auto [ec, n] = co_await with_.async_read_some(boost::asio::buffer(received_), as_result);
            if (ec) {
                left_ = !heard_ && (ec == boost::asio::error::eof || ec == boost::asio::error::connection_reset ||
                                    ec == boost::asio::ssl::error::stream_truncated);
                co_return away("memcached did not greet: " + ec.message());
            }
            heard_ = true;
            replies_.feed({received_.data(), n});
        }
    }

    // The server closed the connection without a word.
    bool left() const noexcept { return left_; }

private:
    stream& with_;
    reply_parser replies_;
    std::array<char, 4096> received_;
    bool heard_ = false;
    bool left_ = false;
};

// Before 1.6.13 a deletion forgets the CAS unique that it was asked for.
bool is_too_old(std::string_view version) noexcept
{
    constexpr std::string_view branch = "1.6.";
    constexpr unsigned first = 13;
    if (!version.starts_with(branch))
        return version.starts_with("1.5.");
    unsigned patch = first;
    std::from_chars(version.data() + branch.size(), version.data() + version.size(), patch);
    return patch < first;
}

// Version and settings, in either protocol.
awaitable<result<settings_reader>> hear_settings(conversation& c)
{
    settings_reader settings;
    for (;;) {
        const auto heard = co_await c.hear();
        if (!heard)
            co_return heard.error();
        if (heard->what == type::statistics_end)
            break;
        if (heard->what == type::statistic)
            settings.read(heard->name, heard->text);
        else if (heard->what == type::version && is_too_old(heard->text))
            co_return away("memcached 1.6.13 or later is needed, and this is " + std::string(heard->text));
        else if (heard->what != type::version)
            co_return away("memcached does not tell its settings: " + std::string(heard->text));
    }
    if (!settings.swaps)
        co_return away("memcached was started with -C, and nothing is safe without CAS; start it without");
    co_return settings;
}

// After CLIENT_ERROR unauthenticated: what the auth file (-Y) wants.
awaitable<result<void>> authenticate(conversation& c, const config& settings)
{
    if (settings.user.empty())
        co_return away("memcached wants a user and a password (-Y); the URL has none");
    if (settings.password.find(' ') != std::string::npos)
        co_return away("memcached's auth file knows no password with a space");
    const std::string secret = settings.user + " " + settings.password;
    const std::string words = "set coatcheck 0 0 " + std::to_string(secret.size()) + "\r\n" + secret + "\r\n";
    if (const auto said = co_await c.say(words); !said)
        co_return said.error();
    const auto heard = co_await c.hear();
    if (!heard)
        co_return heard.error();
    // What it says may repeat the password.
    if (heard->what != type::done)
        co_return away("memcached refuses the user or the password");
    co_return result<void>();
}

} // namespace

awaitable<result<settings_reader>> greet_in_text(stream& connection, const config& settings, bool& speaks_no_text)
{
    conversation c(connection);
    if (const auto said = co_await c.say(first_question); !said)
        co_return said.error();
    const auto first = co_await c.hear();
    if (!first) {
        speaks_no_text = c.left();
        co_return speaks_no_text ? away(first.error().detail + "; whether it demands SASL is tried next")
                                 : first.error();
    }
    if (first->what == type::refused && first->text == "unauthenticated") {
        if (const auto done = co_await authenticate(c, settings); !done)
            co_return done.error();
    } else if (first->answers == reply::family::get || first->answers == reply::family::remove) {
        if (!settings.user.empty())
            co_return away("memcached asks for no password (it was started without -Y and -S), and the URL has one");
    } else {
        co_return away(first->text.empty() ? "this is no memcached 1.6.13 or later: it does not know the meta commands"
                                           : "memcached answers " + std::string(first->text));
    }
    if (const auto said = co_await c.say(questions); !said)
        co_return said.error();
    co_return co_await hear_settings(c);
}

awaitable<result<settings_reader>> greet_in_binary(stream& connection, const config& settings, bool& demands_no_sasl)
{
    conversation c(connection);
    std::string words;
    binary::append_mechanisms_request(words);
    if (const auto said = co_await c.say(words); !said)
        co_return said.error();
    const auto offered = co_await c.hear();
    demands_no_sasl = offered ? offered->what != type::mechanisms : c.left();
    if (!offered)
        co_return offered.error();
    if (demands_no_sasl)
        co_return away("memcached neither speaks text nor demands SASL");
    if (offered->text.find("PLAIN") == std::string_view::npos)
        co_return away("memcached demands SASL without the mechanism PLAIN");
    if (settings.user.empty())
        co_return away("memcached demands SASL (-S): the URL needs a user and a password");
    words.clear();
    binary::append_plain_authentication(words, settings.user, settings.password);
    if (const auto said = co_await c.say(words); !said)
        co_return said.error();
    const auto let_in = co_await c.hear();
    if (!let_in)
        co_return let_in.error();
    if (let_in->what != type::done)
        co_return away("memcached refuses the user or the password (SASL); users of a realm are written user%40realm");
    words.clear();
    binary::append_statistics_request(words, binary_group);
    if (const auto said = co_await c.say(words); !said)
        co_return said.error();
    co_return co_await hear_settings(c);
}

} // namespace coatcheck::memcached
