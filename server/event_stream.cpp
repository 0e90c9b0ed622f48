#include "server/event_stream.hpp"

#include "proto/json_text.hpp"
#include "proto/timestamp.hpp"
#include "server/log.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <utility>

namespace coatcheck {

namespace asio = boost::asio;

namespace {

constexpr asio::use_awaitable_t<executor> awaiting{};
constexpr std::chrono::seconds heartbeat_interval{15};
constexpr std::size_t batch_size = 64;

std::string_view name_of(event::happening what) noexcept
{
    return what == event::happening::created ? "created" : what == event::happening::rotated ? "rotated" : "ended";
}

// The moment as meta shows it.
std::string_view text_of(time_point at, std::array<char, rfc3339_max_length>& out)
{
    const auto second = std::chrono::floor<std::chrono::seconds>(at);
    const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(at - second);
    return {out.data(), write_rfc3339({.seconds = second.time_since_epoch().count(),
                                       .nanoseconds = static_cast<std::uint32_t>(rest.count())},
                                      out.data())};
}

// A comment, for whoever watches the bytes, and a block that only moves the client's Last-Event-ID: a client whose
// filter shows little would otherwise come back with one that has been forgotten.
void append_place(std::string_view cursor, std::string& out)
{
    out.append(":\nid: ").append(cursor).append("\n\n");
}

} // namespace

void append_event(const event& e, std::string_view cursor, std::string& out)
{
    out.append("id: ").append(cursor).append("\nevent: ").append(name_of(e.what)).append("\ndata: ");
    std::array<char, rfc3339_max_length> at;
    json_text json(out, 256 + e.subject.size());
    json.put(R"({"at":)");
    json.string(text_of(e.at, at));
    json.put(R"(,"store":)");
    json.string(e.store);
    json.put(R"(,"handle":)");
    json.string(e.session.str());
    json.put(R"(,"subject":)");
    if (e.subject.empty())
        json.put("null");
    else
        json.string(e.subject);
    if (e.why != event::reason::none) {
        json.put(R"(,"reason":)");
        json.string(e.why == event::reason::deleted ? "deleted" : "revoked");
    }
    if (e.to) {
        json.put(R"(,"to":)");
        json.string(e.to->str());
    }
    json.put("}\n\n");
    json.finish();
}

std::shared_ptr<event_stream> event_stream::open(service& s, const request& in, filter wanted, executor where)
{
    auto woken = std::make_shared<timer>(where);
    std::optional<std::string_view> after;
    if (const auto sent = in.get(single_field::last_event_id); !sent.empty())
        after = sent;
    auto reader = s.events.open(after, [woken] { asio::post(woken->get_executor(), [woken] { woken->cancel(); }); });
    if (!reader)
        return nullptr;
    return std::shared_ptr<event_stream>(
        new event_stream(s, in, std::move(wanted), std::move(woken), std::move(reader)));
}

event_stream::event_stream(service& s, const request& in, filter wanted, std::shared_ptr<timer> woken,
                           std::unique_ptr<event_log::reader> reader)
    : service_(s), in_(in), thread_(runtime::this_thread()), wanted_(std::move(wanted)), woken_(std::move(woken)),
      reader_(std::move(reader))
{
    service_.counters.reader_opened(thread_);
}

event_stream::~event_stream()
{
    service_.counters.reader_closed(thread_);
}

awaitable<streamed_body::piece> event_stream::next(std::string& out)
{
    for (;;) {
        // Each time, or a token that was taken out of the file would go on reading for days.
        const auto grant = service_.guard.check(in_, {.tokens_needed = true});
        if (!grant || !grant->may(scope::admin))
            co_return piece::last;
        if (!std::exchange(has_begun_, true)) {
            if (reader_->has_gap())
                out.append("id: ").append(reader_->cursor()).append("\nevent: gap\ndata: {}\n\n");
            else
                append_place(reader_->cursor(), out);
        }
        batch_.clear();
        const auto found = reader_->read(batch_, batch_size);
        if (found == event_log::reader::outcome::overrun)
            co_return piece::lost;
        for (const auto& e : batch_)
            if (shows(e, *grant))
                append_event(e, service_.events.cursor_of(e.number), out);
        const auto now = std::chrono::steady_clock::now();
        if (out.empty() && now >= heartbeat_at_)
            append_place(reader_->cursor(), out);
        if (!out.empty()) {
            heartbeat_at_ = now + heartbeat_interval;
            co_return piece::some;
        }
        boost::system::error_code ec;
        if (found == event_log::reader::outcome::some) {
            co_await asio::post(woken_->get_executor(), awaiting); // nothing was to be shown; let the others run
        } else {
            woken_->expires_at(heartbeat_at_);
            co_await woken_->async_wait(asio::redirect_error(awaiting, ec));
        }
    }
}

bool event_stream::shows(const event& e, const access::grant& to) const noexcept
{
    return to.may(scope::admin, e.store) && (!wanted_.store || *wanted_.store == e.store) &&
           (!wanted_.subject || *wanted_.subject == e.subject);
}

void event_stream::give_up() noexcept
{
    service_.counters.reader_dropped(thread_);
    try {
        log::warn("event reader dropped", {{"error", "it did not read fast enough"}});
    } catch (...) {
        // It is dropped all the same.
    }
}

} // namespace coatcheck
