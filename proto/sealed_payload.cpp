#include "proto/sealed_payload.hpp"

#include "proto/aes_256_gcm.hpp"
#include "proto/random.hpp"

#include <boost/endian/conversion.hpp>
#include <openssl/crypto.h>

#include <algorithm>
#include <cassert>

namespace coatcheck {

namespace {

namespace layout {
constexpr char magic = '\xc1'; // the one byte that MessagePack never begins a value with
constexpr char format = 1;
constexpr std::size_t key_id = 2;
constexpr std::size_t nonce = 10;
constexpr std::size_t ciphertext = 22;
} // namespace layout
static_assert(layout::ciphertext - layout::nonce == aes_256_gcm::nonce_size);
static_assert(layout::ciphertext + aes_256_gcm::tag_size == sealing_overhead);

// No lease lasts until the year 144683, and with it no time is past `never`.
constexpr std::chrono::milliseconds seal_mark{std::int64_t{1} << 52};

template <class T>
void append_big_endian(std::string& to, T value)
{
    boost::endian::native_to_big_inplace(value);
    to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// What the seal is bound to. Every part has a fixed length or its length before it, so no two heads give the same.
std::string associated_data(std::string_view realm, const handle& name, const head& about)
{
    const auto ms = [](time_point t) { return static_cast<std::uint64_t>(t.time_since_epoch().count()); };
    std::string out;
    out.reserve(2 + 3 * sizeof(std::uint64_t) + handle::length + 4 + realm.size() + about.subject.size());
    out += layout::format;
    out += static_cast<char>(about.what);
    append_big_endian(out, about.data_version.bits);
    append_big_endian(out, ms(about.created));
    append_big_endian(out, ms(about.absolute_end));
    out += name.str();
    append_big_endian(out, static_cast<std::uint16_t>(realm.size()));
    out += realm;
    append_big_endian(out, static_cast<std::uint16_t>(about.subject.size()));
    out += about.subject;
    return out;
}

// The session's key, while it is needed.
class derived_key {
public:
    derived_key(const sealing_key& from, const handle& name) : bytes_(from.key_of(name)) {}
    ~derived_key() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
    derived_key(const derived_key&) = delete;
    derived_key& operator=(const derived_key&) = delete;
    const sha256_digest& bytes() const noexcept { return bytes_; }

private:
    sha256_digest bytes_;
};

std::string_view nonce_in(std::string_view sealed) noexcept
{
    return sealed.substr(layout::nonce, aes_256_gcm::nonce_size);
}

} // namespace

bool seals_alike(const head& a, const head& b) noexcept
{
    return a.what == b.what && a.data_version == b.data_version && a.created == b.created &&
           a.absolute_end == b.absolute_end && a.subject == b.subject;
}

bool is_marked_sealed(const head& stored) noexcept
{
    return stored.locked_until.time_since_epoch() >= seal_mark;
}

head marked_sealed(head h) noexcept
{
    assert(!is_marked_sealed(h));
    h.locked_until += seal_mark;
    return h;
}

head without_seal_mark(head h) noexcept
{
    if (is_marked_sealed(h))
        h.locked_until -= seal_mark;
    return h;
}

bool is_sealed(const record& stored) noexcept
{
    return is_marked_sealed(stored.about) ||
           (stored.about.what == kind::live && stored.payload.starts_with(layout::magic));
}

sealer::sealer(std::vector<sealing_key> keys, std::string realm) : keys_(std::move(keys)), realm_(std::move(realm))
{
    assert(!keys_.empty());
}

std::string sealer::seal(const handle& name, const head& about, std::string_view payload) const
{
    const sealing_key& key = keys_.front();
    std::string out(sealing_overhead + payload.size(), '\0');
    out[0] = layout::magic;
    out[1] = layout::format;
    std::ranges::copy(key.id(), out.begin() + layout::key_id);
    random_bytes({reinterpret_cast<unsigned char*>(out.data()) + layout::nonce, aes_256_gcm::nonce_size});
    const derived_key own(key, name);
    aes_256_gcm::encrypt(own.bytes(), nonce_in(out), associated_data(realm_, name, about), payload,
                         out.data() + layout::ciphertext);
    return out;
}

result<sealer::opened> sealer::open(const handle& name, const head& about, std::string_view sealed) const
{
    if (sealed.size() < layout::key_id || sealed[0] != layout::magic)
        return failure{errc::corrupt, "marked as sealed, and is not"};
    const auto format = static_cast<unsigned char>(sealed[1]);
    if (format > layout::format)
        return failure{errc::newer_format, "sealed in format " + std::to_string(format)};
    if (format != layout::format || sealed.size() < sealing_overhead)
        return failure{errc::corrupt, "a sealed payload cut short"};
    sealing_key::id_bytes id;
    std::copy_n(sealed.begin() + layout::key_id, id.size(), id.begin());
    const auto key = std::ranges::find(keys_, id, &sealing_key::id);
    if (key == keys_.end())
        return failure{errc::unknown_key, "sealed under the key " + name_of(id)};

    const derived_key own(*key, name);
    auto payload = aes_256_gcm::decrypt(own.bytes(), nonce_in(sealed), associated_data(realm_, name, about),
                                        sealed.substr(layout::ciphertext));
    if (!payload)
        return failure{errc::corrupt, "a sealed payload that was changed, or is another's"};
    return opened{*std::move(payload), static_cast<std::size_t>(key - keys_.begin())};
}

} // namespace coatcheck
