#pragma once
// The bytes that a connection has received and not yet used. Requests are views into it, so it moves only in
// make_room(), which a connection calls between requests.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace coatcheck {

class input_buffer {
public:
    static constexpr std::size_t smallest = 2048; // what an idle connection costs

    std::string_view view() const noexcept { return {data_.get() + begin_, end_ - begin_}; }
    bool empty() const noexcept { return begin_ == end_; }

    // Room for at least `n` more bytes; moves what is there.
    void make_room(std::size_t n)
    {
        const std::size_t used = end_ - begin_;
        const bool oversized = used == 0 && capacity_ > 8 * smallest;
        if (!oversized && capacity_ - end_ >= n)
            return;
        if (!oversized && capacity_ >= used + n) {
            std::memmove(data_.get(), data_.get() + begin_, used);
        } else {
            const std::size_t wanted = oversized ? smallest : std::max({smallest, 2 * capacity_, used + n});
            std::unique_ptr<char[]> fresh(new char[std::max(wanted, used + n)]);
            if (used != 0)
                std::memcpy(fresh.get(), data_.get() + begin_, used);
            data_ = std::move(fresh);
            capacity_ = std::max(wanted, used + n);
        }
        begin_ = 0;
        end_ = used;
    }

    char* free_space() noexcept { return data_.get() + end_; }
    std::size_t free_size() const noexcept { return capacity_ - end_; }
    void received(std::size_t n) noexcept { end_ += n; }

    void consume(std::size_t n) noexcept
    {
        begin_ += n;
        if (begin_ == end_)
            begin_ = end_ = 0;
    }

    void append(std::string_view bytes)
    {
        if (bytes.empty())
            return;
        make_room(bytes.size());
        std::memcpy(free_space(), bytes.data(), bytes.size());
        received(bytes.size());
    }

private:
    std::unique_ptr<char[]> data_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t capacity_ = 0;
};

} // namespace coatcheck
