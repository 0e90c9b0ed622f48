#include "server/encryption.hpp"

#include "backends/layers/encrypt.hpp"
#include "backends/layers/unsealed.hpp"
#include "server/log.hpp"
#include "server/text_file.hpp"

#include <openssl/crypto.h>
#include <sys/stat.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace coatcheck {

namespace {

sealing_key read_key(const std::string& path)
{
    struct stat file{};
    if (::stat(path.c_str(), &file) == 0 && (file.st_mode & S_IROTH) != 0)
        log::warn("the encryption key is readable by everybody", {{"file", path}});
    std::string text = read_secret_file(path);
    try {
        sealing_key key(text);
        OPENSSL_cleanse(text.data(), text.size());
        return key;
    } catch (const std::invalid_argument& e) {
        throw config_error("encryption.keys: " + path + ": " + e.what());
    }
}

} // namespace

std::shared_ptr<const sealer> load_sealer(const config& settings)
{
    if (!settings.encryption)
        return nullptr;
    const auto& files = settings.encryption->keys;
    std::vector<sealing_key> keys;
    for (const auto& path : files) {
        sealing_key key = read_key(path);
        const auto same = std::ranges::find(keys, key.id(), &sealing_key::id);
        if (same != keys.end())
            throw config_error("encryption.keys: " + path + " holds the same key as " +
                               files[static_cast<std::size_t>(same - keys.begin())]);
        keys.push_back(std::move(key));
    }
    return std::make_shared<const sealer>(std::move(keys), settings.encryption->realm);
}

std::vector<std::string> key_names(const sealer* seals)
{
    std::vector<std::string> names;
    if (seals == nullptr)
        return names;
    for (const auto& key : seals->keys())
        names.push_back(name_of(key.id()));
    names.emplace_back("plain");
    return names;
}

std::unique_ptr<backend> with_encryption(std::unique_ptr<backend> keeper, const config& settings,
                                         std::shared_ptr<const sealer> seals, std::size_t store, metrics& counters)
{
    if (!seals)
        return std::make_unique<unsealed>(std::move(keeper));
    const auto plain = settings.encryption->accepts_plain_records ? plain_records::accept : plain_records::refuse;
    const auto count = [store, &counters](std::size_t key) {
        counters.count_opened(runtime::this_thread(), store, key);
    };
    return std::make_unique<encrypt>(std::move(keeper), std::move(seals), plain, count);
}

} // namespace coatcheck
