#include "backends/filesystem/session_file.hpp"
#include "tests/fuzz/require.hpp"

#include <boost/crc.hpp>
#include <boost/endian/conversion.hpp>

#include <cstdint>

using namespace coatcheck;
using fuzz::require;

namespace {

void read(std::string_view input)
{
    static_cast<void>(filesystem::keep_until_in(input));
    const auto whole = filesystem::decode_file(input);
    if (!whole) {
        require(whole.error().code == errc::corrupt || whole.error().code == errc::newer_format,
                "a file is corrupt or newer");
        return;
    }
    require(input.starts_with(filesystem::encode_file(whole->about, whole->payload)),
            "what is read is written the same");
    require(filesystem::keep_until_in(input).value() == whole->about.keep_until, "the beginning says the same");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string input(reinterpret_cast<const char*>(data), size);
    read(input);
    // With the right checksum, which chance does not find.
    if (input.size() < 16)
        return 0;
    auto* const bytes = reinterpret_cast<unsigned char*>(input.data());
    const auto length = boost::endian::load_big_u64(bytes + 8);
    if (length <= input.size() - 16) {
        boost::crc_32_type crc;
        crc.process_bytes(input.data() + 8, 8 + length);
        boost::endian::store_big_u32(bytes + 4, crc.checksum());
        read(input);
    }
    return 0;
}
