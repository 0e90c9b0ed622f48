#include "proto/sealed_payload.hpp"

#include "proto/random.hpp"

#include <boost/endian/conversion.hpp>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cassert>
#include <memory>
#include <stdexcept>

namespace coatcheck {

namespace {

namespace layout {
constexpr char magic = '\xc1'; // the one byte that MessagePack never begins a value with
constexpr char format = 1;
constexpr std::size_t key_id = 2;
constexpr std::size_t nonce = 10;
constexpr std::size_t ciphertext = 22;
constexpr std::size_t nonce_size = ciphertext - nonce;
constexpr std::size_t tag_size = 16;
} // namespace layout
static_assert(layout::ciphertext + layout::tag_size == sealing_overhead);

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
    const unsigned char* data() const noexcept { return bytes_.data(); }

private:
    sha256_digest bytes_;
};

// An algorithm fetched and a context made anew for each payload would cost more than the encryption.
struct aes_256_gcm {
    std::unique_ptr<EVP_CIPHER, decltype(&EVP_CIPHER_free)> cipher{EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr),
                                                                   &EVP_CIPHER_free};
    std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context{EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free};

    static EVP_CIPHER_CTX* start(const derived_key& key, const char* nonce, std::string_view bound_to, bool encrypts)
    {
        thread_local const aes_256_gcm own;
        int length = 0;
        if (EVP_CipherInit_ex2(own.context.get(), own.cipher.get(), key.data(), bytes(nonce), encrypts ? 1 : 0,
                               nullptr) != 1 ||
            EVP_CipherUpdate(own.context.get(), nullptr, &length, bytes(bound_to.data()),
                             static_cast<int>(bound_to.size())) != 1)
            fail();
        return own.context.get();
    }

    static const unsigned char* bytes(const char* text) noexcept
    {
        return reinterpret_cast<const unsigned char*>(text);
    }
    static unsigned char* bytes(char* text) noexcept { return reinterpret_cast<unsigned char*>(text); }
    [[noreturn]] static void fail() { throw std::runtime_error("AES-256-GCM failed"); }
};

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
    random_bytes({aes_256_gcm::bytes(out.data() + layout::nonce), layout::nonce_size});

    EVP_CIPHER_CTX* const context =
        aes_256_gcm::start({key, name}, out.data() + layout::nonce, associated_data(realm_, name, about), true);
    unsigned char* const to = aes_256_gcm::bytes(out.data() + layout::ciphertext);
    int length = 0;
    int last = 0;
    if (EVP_EncryptUpdate(context, to, &length, aes_256_gcm::bytes(payload.data()), static_cast<int>(payload.size())) !=
            1 ||
        EVP_EncryptFinal_ex(context, to + length, &last) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, layout::tag_size, to + payload.size()) != 1)
        aes_256_gcm::fail();
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
    std::copy_n(aes_256_gcm::bytes(sealed.data() + layout::key_id), id.size(), id.begin());
    const auto key = std::ranges::find(keys_, id, &sealing_key::id);
    if (key == keys_.end())
        return failure{errc::unknown_key, "sealed under the key " + name_of(id)};

    EVP_CIPHER_CTX* const context =
        aes_256_gcm::start({*key, name}, sealed.data() + layout::nonce, associated_data(realm_, name, about), false);
    const std::string_view ciphertext = sealed.substr(layout::ciphertext, sealed.size() - sealing_overhead);
    std::string payload(ciphertext.size(), '\0');
    std::array<unsigned char, layout::tag_size> tag;
    std::copy_n(aes_256_gcm::bytes(sealed.data() + sealed.size() - tag.size()), tag.size(), tag.begin());
    unsigned char* const to = aes_256_gcm::bytes(payload.data());
    int length = 0;
    int last = 0;
    if (EVP_DecryptUpdate(context, to, &length, aes_256_gcm::bytes(ciphertext.data()),
                          static_cast<int>(ciphertext.size())) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, layout::tag_size, tag.data()) != 1)
        aes_256_gcm::fail();
    if (EVP_DecryptFinal_ex(context, to + length, &last) != 1) {
        ERR_clear_error(); // what is left in the queue would be taken for a failure of the thread's next TLS call
        OPENSSL_cleanse(payload.data(), payload.size());
        return failure{errc::corrupt, "a sealed payload that was changed, or is another's"};
    }
    return opened{std::move(payload), static_cast<std::size_t>(key - keys_.begin())};
}

} // namespace coatcheck
