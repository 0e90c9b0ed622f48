#include "proto/sealed_payload.hpp"
#include "tests/fuzz/require.hpp"

#include <cstdint>

using namespace coatcheck;
using fuzz::require;

namespace {

const sealer& seals()
{
    static const sealer one({sealing_key("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")}, "shop");
    return one;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const handle name(std::string(handle::length, 'a'));
    const auto opened = seals().open(name, head{}, input);
    require(!opened || input.size() == opened->payload.size() + sealing_overhead, "nothing is dropped or made up");
    require(opened || opened.error().code == errc::corrupt || opened.error().code == errc::newer_format ||
                opened.error().code == errc::unknown_key,
            "what does not open is corrupt, newer or under another key");

    const std::string sealed = seals().seal(name, head{}, input);
    const auto back = seals().open(name, head{}, sealed);
    require(back && back->payload == input, "what is sealed opens to the same");
    if (size > 0) {
        std::string changed = sealed;
        changed[data[0] % changed.size()] ^= static_cast<char>(1 + data[size - 1] % 255);
        require(!seals().open(name, head{}, changed), "what was changed does not open");
    }
    return 0;
}
