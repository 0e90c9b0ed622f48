#include "proto/record.hpp"
#include "tests/fuzz/require.hpp"

#include <cstdint>

using namespace coatcheck;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto whole = decode_record(input);
    const auto about = decode_head(input);
    require(whole.has_value() == about.has_value(), "a record is readable if its head is");
    if (!whole) {
        require(whole.error().code == errc::corrupt || whole.error().code == errc::newer_format,
                "a record is corrupt or newer");
        return 0;
    }
    require(whole->about == about->about && whole->payload == input.substr(about->payload_at), "both read the same");
    std::string again;
    encode(whole->about, whole->payload, again);
    require(again == input, "what is read is written the same");
    return 0;
}
