#include "backends/transport/runtime.hpp"

namespace coatcheck {

namespace {
thread_local std::size_t current_thread = 0;
}

runtime::runtime(std::size_t threads)
{
    for (std::size_t i = 0; i < threads; ++i)
        contexts_.push_back(std::make_unique<boost::asio::io_context>(1));
}

std::size_t runtime::this_thread() noexcept
{
    return current_thread;
}

void runtime::run(std::size_t index)
{
    current_thread = index;
    contexts_[index]->run();
}

void runtime::stop()
{
    for (auto& context : contexts_)
        context->stop();
}

} // namespace coatcheck
