#include "backends/transport/runtime.hpp"
#include "server/tokens.hpp"

#include <atomic>
#include <mutex>

namespace coatcheck {

struct live_tokens::state {
    // What one thread holds. Its `table` has a reference count of its own, since one that all threads write to would
    // cost each request a cache miss.
    struct alignas(64) view {
        std::uint64_t generation = 0;
        std::shared_ptr<const token_table> table;
    };

    explicit state(std::size_t threads) : views(threads) {}

    std::mutex mutex;
    std::shared_ptr<const token_table> newest; // under the mutex
    alignas(64) std::atomic<std::uint64_t> generation{0};
    std::vector<view> views;
};

live_tokens::live_tokens(std::size_t threads, token_table first)
    : required_(!first.empty()), state_(std::make_unique<state>(threads))
{
    replace(std::move(first));
}

live_tokens::~live_tokens() = default;

std::shared_ptr<const caller> live_tokens::find(std::string_view bearer)
{
    auto& mine = state_->views[runtime::this_thread()];
    if (mine.generation != state_->generation.load(std::memory_order_acquire)) {
        const std::lock_guard lock(state_->mutex);
        const auto* table = state_->newest.get();
        mine.table = {table, [keep = state_->newest](const token_table*) {}};
        mine.generation = state_->generation.load(std::memory_order_relaxed);
    }
    return {mine.table, mine.table->find(bearer)};
}

void live_tokens::replace(token_table next)
{
    auto table = std::make_shared<const token_table>(std::move(next));
    const std::lock_guard lock(state_->mutex);
    state_->newest = std::move(table);
    state_->generation.fetch_add(1, std::memory_order_release);
}

} // namespace coatcheck
