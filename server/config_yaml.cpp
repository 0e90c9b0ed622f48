#include "server/config_draft.hpp"

#include "server/near_name.hpp"
#include "server/text_file.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

namespace coatcheck {

namespace {

class yaml_reader {
public:
    yaml_reader(std::string file, config_draft& into) : file_(std::move(file)), into_(into) {}

    void read(const YAML::Node& root) { read_map(root, {"", ""}, settings_of(into_.value)); }

private:
    struct place {
        std::string path;  // key path of the map, with a dot at its end
        std::string below; // the same within the keys of its settings
    };

    std::string origin_of(const YAML::Node& node) const { return file_ + ":" + std::to_string(node.Mark().line + 1); }

    // Calls read_entry(name, key node, value node) for each; nothing below a key is nothing said.
    template <class Read>
    void for_each_entry(const YAML::Node& map, const std::string& path, Read read_entry)
    {
        if (map.IsNull())
            return;
        if (!map.IsMap()) {
            into_.mistake(path.empty() ? "" : path.substr(0, path.size() - 1), "expects keys and values",
                          origin_of(map));
            return;
        }
        std::set<std::string> seen;
        for (const auto& entry : map) {
            if (!entry.first.IsScalar())
                into_.mistake(path, "a key is a word", origin_of(entry.first));
            else if (const auto& name = entry.first.Scalar(); !seen.insert(name).second)
                into_.mistake(path + name, "stands here twice", origin_of(entry.first));
            else
                read_entry(name, entry.first, entry.second);
        }
    }

    void read_map(const YAML::Node& map, const place& where, const std::vector<setting>& settings)
    {
        for_each_entry(map, where.path, [&](const std::string& name, const YAML::Node& key, const YAML::Node& value) {
            const std::string in_settings = where.below + name;
            const auto same = std::ranges::find(settings, in_settings, &setting::key);
            const auto is_below = [&](const setting& s) { return s.key.starts_with(in_settings + "."); };
            if (same != settings.end())
                read_value(*same, where.path + name, key, value);
            else if (std::ranges::any_of(settings, is_below))
                read_map(value, {where.path + name + ".", in_settings + "."}, settings);
            else if (where.path.empty() && name == "stores")
                read_stores(value);
            else
                into_.mistake(where.path + name, "is no known key" + did_you_mean(name, names_in(where, settings)),
                              origin_of(key));
        });
    }

    void read_value(const setting& s, const std::string& path, const YAML::Node& key, const YAML::Node& value)
    {
        const auto origin = origin_of(key);
        if (value.IsScalar()) {
            into_.read(s, path, value.Scalar(), origin);
            return;
        }
        std::string joined;
        const auto is_scalar = [](const YAML::Node& item) { return item.IsScalar(); };
        if (!s.list || !value.IsSequence() || !std::all_of(value.begin(), value.end(), is_scalar) ||
            value.size() == 0) {
            into_.mistake(path, s.list ? "expects a value or a list of values" : "expects a value", origin);
            return;
        }
        for (const auto& item : value)
            joined.append(joined.empty() ? "" : ",").append(item.Scalar());
        into_.read(s, path, joined, origin);
    }

    void read_stores(const YAML::Node& map)
    {
        for_each_entry(map, "stores.", [&](const std::string& name, const YAML::Node& key, const YAML::Node& value) {
            const std::string path = "stores." + name;
            if (!is_store_name(name)) {
                into_.mistake(path, "the name of a store is 1 to 32 characters of a-z, 0-9, _ and -", origin_of(key));
                return;
            }
            const auto settings = settings_of(into_.value.stores[name]);
            if (value.IsScalar())
                read_value(settings.front(), path + ".url", key, value);
            else
                read_map(value, {path + ".", ""}, settings);
        });
    }

    static std::vector<std::string> names_in(const place& where, const std::vector<setting>& settings)
    {
        std::vector<std::string> names;
        for (const auto& s : settings)
            if (s.key.starts_with(where.below))
                names.push_back(s.key.substr(where.below.size(), s.key.find('.', where.below.size())));
        if (where.path.empty())
            names.emplace_back("stores");
        return names;
    }

    std::string file_;
    config_draft& into_;
};

} // namespace

void read_yaml(const std::string& path, config_draft& into)
{
    try {
        const auto documents = YAML::LoadAll(read_text_file(path));
        if (documents.size() > 1)
            into.mistake("", "holds more than one document; a configuration is one", path);
        else if (!documents.empty())
            yaml_reader(path, into).read(documents.front());
    } catch (const YAML::Exception& e) {
        into.mistake("", "is no YAML: " + e.msg, path + ":" + std::to_string(e.mark.line + 1));
    } catch (const std::runtime_error& e) {
        into.mistake("", e.what(), "");
    }
}

} // namespace coatcheck
