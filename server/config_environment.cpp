#include "server/config_draft.hpp"

#include "server/near_name.hpp"
#include "server/text_file.hpp"

#include <algorithm>
#include <array>
#include <regex>

extern char** environ;

namespace coatcheck {

namespace {

constexpr std::string_view prefix = "COATCHECK_";

struct variable {
    std::string_view name;
    std::string_view key;
    bool secret = false; // name + "_FILE" is a file that holds the value
};

constexpr auto variables = std::to_array<variable>({
    {"COATCHECK_LISTEN", "listen"},
    {"COATCHECK_OPS_LISTEN", "ops_listen"},
    {"COATCHECK_STORE", "stores.default.url", true},
    {"COATCHECK_TOKENS_FILE", "tokens_file"},
    {"COATCHECK_ENCRYPTION_KEY_FILES", "encryption.keys"},
    {"COATCHECK_TOKEN", "token", true},
    {"COATCHECK_THREADS", "threads"},
    {"COATCHECK_LOG_LEVEL", "log.level"},
    {"COATCHECK_LOG_FORMAT", "log.format"},
});

// Read by the command line, by the clients and by the build.
constexpr auto others = std::to_array<std::string_view>({"COATCHECK_CONFIG", "COATCHECK_URL", "COATCHECK_BACKENDS"});

// What Kubernetes sets in every pod beside a Service whose name begins with "coatcheck".
bool is_service_variable(const std::string& name, const std::string& value)
{
    static const std::regex surely(
        "COATCHECK_(.*_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_.*)?)");
    return std::regex_match(name, surely) || (name.ends_with("_PORT") && value.find("://") != value.npos);
}

// RFC 6750's characters; long enough that nobody guesses it.
void read_token(config& into, const std::string& text)
{
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("-._~+/=").find(c) != std::string_view::npos;
    };
    if (text.size() < 16 || !std::ranges::all_of(text, allowed))
        throw std::invalid_argument("a token has 16 characters or more of A-Z, a-z, 0-9 and -._~+/=");
    into.token = text;
}

setting setting_of(config& c, std::string_view key)
{
    constexpr std::string_view default_store = "stores.default.";
    if (key == "token")
        return {"token", [&c](const std::string& text) { read_token(c, text); }, {}};
    auto all = key.starts_with(default_store) ? settings_of(c.stores["default"]) : settings_of(c);
    const auto name = key.starts_with(default_store) ? key.substr(default_store.size()) : key;
    return *std::ranges::find(all, name, &setting::key);
}

} // namespace

void read_environment(const environment& env, config_draft& into)
{
    std::vector<std::string> known;
    const auto value_of = [&](const std::string& name) {
        known.push_back(name);
        const auto found = env.find(name);
        return found == env.end() ? nullptr : &found->second;
    };
    for (const auto& v : variables) {
        const std::string name(v.name);
        const std::string key(v.key);
        const auto* value = value_of(name);
        const auto* file = v.secret ? value_of(name + "_FILE") : nullptr;
        if (value != nullptr && file != nullptr) {
            into.mistake(key, "is given by " + name + "_FILE too; unset one of them", name);
            continue;
        }
        if (value != nullptr)
            into.read(setting_of(into.value, v.key), key, *value, name);
        if (file == nullptr)
            continue;
        try {
            into.read(setting_of(into.value, v.key), key, read_secret_file(*file), name + "_FILE");
        } catch (const std::runtime_error& e) {
            into.mistake(key, e.what(), name + "_FILE");
        }
    }
    for (const auto& [name, value] : env) {
        if (name.starts_with(prefix) && std::ranges::find(known, name) == known.end() &&
            std::ranges::find(others, name) == others.end() && !is_service_variable(name, value))
            into.mistake("", "is no variable of this daemon" + did_you_mean(name, known), name);
    }
}

environment process_environment()
{
    environment out;
    for (char** at = environ; *at != nullptr; ++at) {
        const std::string_view entry = *at;
        const auto name = entry.substr(0, entry.find('='));
        if ((name.starts_with(prefix) || name == "HOME" || name == "XDG_STATE_HOME") && name.size() < entry.size())
            out.emplace(name, entry.substr(name.size() + 1));
    }
    return out;
}

} // namespace coatcheck
