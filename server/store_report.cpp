#include "server/store_report.hpp"

#include "backends/transport/pause.hpp"
#include "server/log.hpp"

namespace coatcheck {

awaitable<void> report_when_up(sessions& store)
{
    using namespace std::chrono_literals;
    while (!co_await store.probe())
        co_await pause_at_most(2s, deadline::max());
    const capabilities caps = store.caps();
    const acknowledgement acknowledged = store.acknowledges();
    log::info("store up", {{"store", store.name()},
                           {"acknowledged", acknowledged.means},
                           {"conditional_writes", name_of(caps.conditional_writes)},
                           {"tombstones", name_of(caps.ended_records)}});
    if (!acknowledged.warning.empty())
        log::warn("store weaker than sessions deserve", {{"store", store.name()}, {"warning", acknowledged.warning}});
}

} // namespace coatcheck
