#include "backends/redis/conversation.hpp"

#include "backends/redis/reply_error.hpp"
#include "backends/transport/time_limit.hpp"

#include <vector>

namespace coatcheck::redis {

namespace {

// CLUSTER SLOTS: ranges of nodes with names; a range for each slot at worst.
constexpr reply_limits limits{.bytes = std::size_t{16} << 20, .depth = 4, .elements = 16384};

} // namespace

conversation::conversation(std::shared_ptr<stream> over) : over_(std::move(over)), replies_(limits) {}

awaitable<result<std::unique_ptr<conversation>>>
conversation::begin(executor on, const address& to, const config& settings, const credentials& login, deadline by)
{
    auto connected = co_await connect(on, to, settings.tls.get(), by);
    if (!connected)
        co_return connected.error();
    const time_limit limit(*connected, by);
    auto made = std::make_unique<conversation>(*std::move(connected));
    if (std::string greeting; append_login(greeting, login), !greeting.empty()) {
        if (const auto sent = co_await made->send(greeting); !sent)
            co_return sent.error();
        const auto answer = co_await made->receive();
        if (!answer)
            co_return answer.error();
        if (answer->what == reply::type::error)
            co_return login_refused(to.host + ":" + std::to_string(to.port));
    }
    co_return made;
}

awaitable<result<void>> conversation::send(std::string_view commands)
{
    const auto [unsent, written] = co_await over_->async_write(commands, as_result);
    if (unsent)
        co_return failure{errc::unavailable, "the connection to Redis broke: " + unsent.message()};
    co_return result<void>();
}

awaitable<result<reply>> conversation::receive()
{
    for (;;) {
        const auto next = replies_.next();
        if (!next)
            co_return next.error();
        if (*next)
            co_return **next;
        const auto [ec, n] = co_await over_->async_read_some(boost::asio::buffer(received_), as_result);
        if (ec)
            co_return failure{errc::unavailable, "Redis did not answer: " + ec.message()};
        replies_.feed({received_.data(), n});
    }
}

awaitable<result<reply>> conversation::ask(std::initializer_list<std::string_view> words, deadline by)
{
    std::string question;
    append_command(question, std::span(words.begin(), words.size()));
    const time_limit limit(over_, by);
    if (const auto sent = co_await send(question); !sent)
        co_return sent.error();
    const auto answer = co_await receive();
    if (answer && answer->what == reply::type::error) {
        auto why = failure_of(answer->text);
        why.code = errc::unavailable;
        co_return why;
    }
    co_return answer;
}

void append_login(std::string& out, const credentials& login)
{
    if (!login.user.empty())
        append_command(out, std::vector<std::string_view>{"AUTH", login.user, login.password});
    else if (!login.password.empty())
        append_command(out, std::vector<std::string_view>{"AUTH", login.password});
}

failure login_refused(std::string_view by)
{
    return {errc::unavailable, std::string(by).append(" refuses the user or the password")};
}

} // namespace coatcheck::redis
