#include "backends/dynamodb/credentials/profile_file.hpp"

namespace coatcheck::dynamodb {

namespace {

std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view blank = " \t\r";
    const auto first = text.find_first_not_of(blank);
    return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(blank) - first + 1);
}

// What comes before a comment, which begins with a blank.
std::string_view without_comment(std::string_view value)
{
    for (const std::string_view mark : {" #", " ;", "\t#", "\t;"})
        value = value.substr(0, value.find(mark));
    return trimmed(value);
}

// The name of the profile that a section's title, without its brackets, is about.
std::string_view title_of(std::string_view title, bool config)
{
    title = trimmed(title);
    if (!config || title == "default")
        return title;
    constexpr std::string_view word = "profile";
    if (!title.starts_with(word) || title.size() == word.size() || trimmed(title.substr(word.size(), 1)) != "")
        return {};
    title = trimmed(title.substr(word.size()));
    if (title.size() >= 2 && title.front() == title.back() && (title.front() == '"' || title.front() == '\''))
        title = title.substr(1, title.size() - 2);
    return title;
}

} // namespace

profile find_profile(std::string_view file, std::string_view name, bool config)
{
    profile found;
    bool inside = false;
    while (!file.empty()) {
        const auto end = file.find('\n');
        const auto raw = file.substr(0, end);
        file.remove_prefix(end == file.npos ? file.size() : end + 1);
        const auto line = trimmed(raw);
        if (line.empty() || line[0] == '#' || line[0] == ';')
            continue;
        if (line[0] == '[') {
            inside = title_of(line.substr(1, line.find(']') - 1), config) == name;
            continue;
        }
        const auto mark = line.find('=');
        if (!inside || mark == line.npos || raw[0] == ' ' || raw[0] == '\t')
            continue;
        std::string key(trimmed(line.substr(0, mark)));
        for (char& c : key)
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
        found[std::move(key)] = without_comment(line.substr(mark + 1));
    }
    return found;
}

} // namespace coatcheck::dynamodb
