#include "proto/random.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <array>
#include <cstring>
#include <stdexcept>

namespace coatcheck {

namespace {

class pool {
public:
    void take(std::span<unsigned char> out)
    {
        if (out.size() > bytes_.size() - used_)
            refill();
        std::memcpy(out.data(), bytes_.data() + used_, out.size());
        // What was handed out must not be found in memory later.
        OPENSSL_cleanse(bytes_.data() + used_, out.size());
        used_ += out.size();
    }

    static constexpr std::size_t size = 1024;

private:
    void refill()
    {
        if (RAND_bytes(bytes_.data(), static_cast<int>(bytes_.size())) != 1)
            throw std::runtime_error("the system's random number generator failed");
        used_ = 0;
    }

    std::array<unsigned char, size> bytes_;
    std::size_t used_ = size;
};

} // namespace

void random_bytes(std::span<unsigned char> out)
{
    thread_local pool batch;
    while (!out.empty()) {
        const std::size_t n = out.size() < pool::size ? out.size() : pool::size;
        batch.take(out.first(n));
        out = out.subspan(n);
    }
}

std::uint64_t random_uint64()
{
    std::array<unsigned char, 8> bytes;
    random_bytes(bytes);
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

} // namespace coatcheck
