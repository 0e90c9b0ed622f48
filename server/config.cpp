#include "server/config.hpp"

#include "backends/url.hpp"
#include "server/config_draft.hpp"

#include <yaml-cpp/yaml.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

namespace coatcheck {

namespace {

std::string default_store_url(const environment& env)
{
    // What would mean something in a URL.
    std::string path;
    for (const char c : default_state_folder(env)) {
        constexpr std::string_view digits = "0123456789ABCDEF";
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= ' ' || byte == 0x7f || std::string_view("%?#@").find(c) != std::string_view::npos)
            path.append({'%', digits[byte >> 4U], digits[byte & 15U]});
        else
            path += c;
    }
    return "sqlite://" + path + "/sessions.db";
}

// What two stores would share; empty for a store that shares nothing, as memory:// does.
std::string place_of(const std::string& url_text)
{
    const auto url = backend_url::parse(url_text);
    if (url.hosts.empty() && url.path.empty())
        return {};
    std::string place;
    for (const auto& [host, port] : url.hosts)
        place.append(host).append(":").append(std::to_string(port.value_or(0))).append("\n");
    const auto prefix = url.query.find("prefix");
    return place + url.path + "\n" + (prefix == url.query.end() ? "" : prefix->second);
}

void check_stores(const environment& env, config_draft& draft)
{
    std::map<std::string, std::string> names; // by place
    draft.value.stores["default"];
    for (auto& [name, store] : draft.value.stores) {
        const std::string key = "stores." + name + ".url";
        if (store.url.empty() && name == "default") {
            try {
                draft.read(settings_of(store).front(), key, default_store_url(env), "");
            } catch (const config_error& e) {
                draft.mistake(key, e.what());
            }
        } else if (store.url.empty()) {
            draft.mistake(key, "is missing");
        }
        if (store.url.empty())
            continue;
        const auto place = place_of(store.url);
        const auto [first, is_new] = names.emplace(place, name);
        if (!is_new && !place.empty())
            draft.mistake(key, "names the same place as stores." + first->second +
                                   ".url, so each would serve the other's sessions; give one of them ?prefix=NAME: or "
                                   "another database");
    }
}

void check_file(config_draft& draft, const std::string& key, const std::string& path)
{
    if (!path.empty() && access(path.c_str(), R_OK) != 0)
        draft.mistake(key, path + " cannot be read: " + std::strerror(errno));
}

void check_files(config_draft& draft)
{
    const config& c = draft.value;
    check_file(draft, "tokens_file", c.tokens_file);
    check_file(draft, "handle_key_file", c.handle_key_file);
    check_file(draft, "hash_subjects.key_file", c.subject_key_file);
    if (c.encryption) {
        if (c.encryption->keys.empty())
            draft.mistake("encryption.keys", "is missing, so nothing would be encrypted");
        for (const auto& file : c.encryption->keys)
            check_file(draft, "encryption.keys", file);
    }
    if (!c.tls)
        return;
    if (c.tls->certificate_file.empty())
        draft.mistake("tls.certificate_file", "is missing");
    if (c.tls->key_file.empty())
        draft.mistake("tls.key_file", "is missing");
    check_file(draft, "tls.certificate_file", c.tls->certificate_file);
    check_file(draft, "tls.key_file", c.tls->key_file);
    check_file(draft, "tls.client_ca_file", c.tls->client_ca_file);
}

void check_listeners(config_draft& draft)
{
    config& c = draft.value;
    if (c.listen.empty())
        c.listen = {listen_address::parse("127.0.0.1:8642")};

    std::set<std::string> seen;
    const auto check_unique = [&](const char* key, const listen_address& a) {
        const bool any_port = a.kind == listen_address::family::tcp && a.port == 0;
        const std::string place = a.kind == listen_address::family::tcp ? a.str() : a.path;
        if (!any_port && !seen.insert(place).second)
            draft.mistake(key, place + " is listened to already");
    };
    for (const auto& a : c.listen)
        check_unique("listen", a);
    for (const auto& a : c.ops_listen)
        check_unique("ops_listen", a);

    if (c.insecure || !c.tokens_file.empty() || !c.token.empty())
        return;
    for (const auto& a : c.listen)
        if (!a.is_loopback())
            draft.mistake("listen", a.str() + " can be reached by others, and no token is needed: make one with "
                                              "coatcheckd --new-token NAME --scope app and set tokens_file or "
                                              "COATCHECK_TOKEN_FILE; or listen on 127.0.0.1 or a Unix socket; or say "
                                              "--insecure");
}

} // namespace

void config_draft::read(const setting& s, const std::string& key, const std::string& text, const std::string& origin)
{
    origins_[key] = origin;
    try {
        if (text.empty())
            throw std::invalid_argument("is empty; leave it out or give it a value");
        s.read(text);
    } catch (const std::invalid_argument& e) {
        mistake(key, e.what());
    }
}

void config_draft::mistake(const std::string& key, const std::string& sentence)
{
    const auto origin = origins_.find(key);
    mistake(key, sentence, origin == origins_.end() ? "" : origin->second);
}

void config_draft::mistake(const std::string& key, const std::string& sentence, const std::string& origin)
{
    mistakes_ += mistakes_.empty() ? "" : "\n";
    for (const auto& part : {origin, key})
        mistakes_ += part.empty() ? "" : part + ": ";
    mistakes_ += sentence;
}

void config_draft::finish() const
{
    if (!mistakes_.empty())
        throw config_error(mistakes_);
}

bool is_store_name(std::string_view text) noexcept
{
    return !text.empty() && text.size() <= 32 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
}

config load_config(const std::string& path, const environment& env, bool insecure)
{
    config_draft draft;
    if (!path.empty())
        read_yaml(path, draft);
    read_environment(env, draft);
    draft.value.insecure |= insecure;
    check_stores(env, draft);
    check_files(draft);
    check_listeners(draft);
    draft.finish();
    if (draft.value.threads == 0)
        draft.value.threads = usable_cpus();
    return std::move(draft.value);
}

std::string describe(const config& c)
{
    config shown = c;
    YAML::Node root;
    for (const auto& s : settings_of(shown)) {
        const std::string text = s.show();
        if (text.empty())
            continue;
        const auto dot = s.key.find('.');
        if (dot == s.key.npos)
            root[s.key] = text;
        else
            root[s.key.substr(0, dot)][s.key.substr(dot + 1)] = text;
    }
    for (auto& [name, store] : shown.stores)
        for (const auto& s : settings_of(store))
            if (const std::string text = s.show(); !text.empty())
                root["stores"][name][s.key] = text;
    return YAML::Dump(root) + "\n";
}

std::string default_state_folder(const environment& env)
{
    if (geteuid() == 0)
        return "/var/lib/coatcheck";
    const auto folder = [&](const char* name) {
        const auto found = env.find(name);
        return found != env.end() && found->second.starts_with('/') ? found->second : std::string();
    };
    if (const auto state = folder("XDG_STATE_HOME"); !state.empty())
        return state + "/coatcheck";
    if (const auto home = folder("HOME"); !home.empty())
        return home + "/.local/state/coatcheck";
    throw config_error("is missing, and there is no HOME to keep sessions in: set COATCHECK_STORE");
}

} // namespace coatcheck
