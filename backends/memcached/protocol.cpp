#include "backends/memcached/protocol.hpp"

#include "backends/memcached/greeting.hpp"
#include "backends/transport/pipeline_definitions.hpp"

namespace coatcheck::memcached {

result<std::optional<reply>> strict_parser::next()
{
    auto parsed = replies_.next();
    if (parsed && *parsed && (*parsed)->what == reply::type::refused)
        return failure{errc::unavailable, "memcached refuses a command: " + std::string((*parsed)->text)};
    return parsed;
}

std::uint64_t protocol::label(const command& c) noexcept
{
    return std::uint64_t{static_cast<std::uint8_t>(family_of(c.what))} << 32U | c.opaque;
}

bool protocol::answers(const reply& r, std::uint64_t label) noexcept
{
    using family = reply::family;
    if (r.opaque && *r.opaque != static_cast<std::uint32_t>(label))
        return false;
    if (r.answers == family::any)
        return true;
    // Until 1.6.17 a miss does not repeat it.
    if (!r.opaque && r.what != reply::type::missing && (r.answers == family::get || r.answers == family::remove))
        return false;
    return static_cast<std::uint64_t>(r.answers) == label >> 32U;
}

awaitable<result<std::shared_ptr<stream>>> protocol::open(executor on, deadline by)
{
    auto connected = co_await connect(on, *server_, config_->tls.get(), by);
    if (!connected)
        co_return connected.error();
    const time_limit limit(*connected, by);
    bool other_form = false;
    result<settings_reader> settings = failure{errc::unavailable, {}};
    if (*form_ == wire::text)
        settings = co_await greet_in_text(**connected, *config_, other_form);
    else
        settings = co_await greet_in_binary(**connected, *config_, other_form);
    if (!settings) {
        if (other_form && !config_->sasl)
            *form_ = *form_ == wire::text ? wire::binary : wire::text;
        co_return settings.error();
    }
    facts_->evicts = settings->evicts;
    facts_->item_size = settings->item_size;
    facts_->known = true;
    co_return *std::move(connected);
}

} // namespace coatcheck::memcached

template class coatcheck::pipeline<coatcheck::memcached::protocol>;
