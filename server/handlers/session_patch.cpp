#include "proto/merge_patch.hpp"
#include "proto/msgpack_reader.hpp"
#include "server/handlers/handlers.hpp"
#include "server/handlers/session_parts.hpp"
#include "server/preconditions.hpp"

namespace coatcheck {

awaitable<void> patch_session(service& s, sessions& store, exchange& x)
{
    if (refuse_preconditions(x, {list_field::if_none_match}))
        co_return;
    const auto key = named_session(s, x);
    if (!key)
        co_return;
    auto settings = sent_settings(s, x);
    if (!settings)
        co_return;
    const bool minimal = prefers_minimal(x.in.get(list_field::prefer));
    const auto type = minimal ? media_type::json : accepted_type(x);
    if (!type)
        co_return;
    std::optional<tag_list> wanted;
    if (x.in.has(list_field::if_match)) {
        wanted = parse_tags(x.in.get(list_field::if_match), comparison::strong);
        if (!wanted) {
            set_problem(x.out, errc::malformed, if_match_hint);
            co_return;
        }
    }
    std::string patch;
    if (!read_patch(s, x, patch))
        co_return;

    std::optional<head> conflict;
    const auto merge = [&](const record& stored) -> result<std::string> {
        if (wanted && !wanted->any && !wanted->contains(stored.about.data_version)) {
            conflict = stored.about;
            return failure{errc::precondition_failed, {}};
        }
        if (!is_one_map(stored.payload))
            return failure{errc::corrupt, "the data is not one map"};
        std::string merged;
        if (const auto done = merge_patch(stored.payload, patch, s.limits(), merged); !done)
            return failure{done.error().code, std::string(done.error().reason)};
        return merged;
    };
    const auto written = co_await store.patch(*key, merge, std::move(*settings), x.now);
    if (conflict) {
        show_conflict(x, *conflict);
    } else if (!written && written.error().code == errc::too_large) {
        show_too_large(s, x, store);
    } else if (!written && written.error().code == errc::not_found && wanted) {
        set_problem(x.out, errc::precondition_failed, "There is no session under this id.");
    } else if (!written) {
        set_problem(x.out, written.error());
    } else if (written->done.what == write::outcome::refused) {
        show_refusal(x, written->done);
    } else {
        show_head(x.out, written->done.about, x.now);
        x.out.minimal = minimal;
        if (minimal)
            x.out.status = 204;
        else
            show_data(x, written->payload, *type);
    }
}

} // namespace coatcheck
