#include "proto/merge_patch.hpp"

#include "proto/msgpack_builder.hpp"
#include "proto/msgpack_reader.hpp"

#include <unordered_map>
#include <utility>
#include <vector>

namespace coatcheck {

namespace {

using kind = msgpack_token::kind;

struct member {
    std::string_view key;
    std::string_view value; // encoded
};

// Reads on past one whole value. False if it is cut short.
bool skip(msgpack_reader& reader)
{
    msgpack_token t;
    for (std::uint64_t left = 1; left != 0; --left) {
        if (!reader.next(t))
            return false;
        if (t.what == kind::array)
            left += t.count;
        else if (t.what == kind::map)
            left += std::uint64_t{2} * t.count;
    }
    return true;
}

// The members of `value` if it is a map whose keys are all strings.
bool members_of(std::string_view value, std::vector<member>& out)
{
    msgpack_reader reader(value);
    msgpack_token t;
    if (!reader.next(t) || t.what != kind::map)
        return false;
    for (std::uint32_t left = t.count; left != 0; --left) {
        msgpack_token key;
        if (!reader.next(key) || key.what != kind::str)
            return false;
        const std::size_t begin = reader.offset();
        if (!skip(reader))
            return false;
        out.push_back({key.content, value.substr(begin, reader.offset() - begin)});
    }
    return true;
}

bool is_nil(std::string_view value) noexcept
{
    return value == "\xc0";
}

class merger {
public:
    explicit merger(msgpack_builder& built) : built_(built) {}

    // `target` may be anything; what is no map counts as an empty one. `patch` is a map with string keys.
    void map(std::string_view target, const std::vector<member>& patch)
    {
        std::vector<member> before;
        if (!members_of(target, before))
            before.clear();
        std::unordered_map<std::string_view, std::string_view> changes;
        changes.reserve(patch.size());
        for (const auto& [key, value] : patch)
            changes.emplace(key, value);
        const auto written = built_.open(before.size() + patch.size());
        for (const auto& [key, value] : before) {
            const auto change = changes.find(key);
            if (change == changes.end())
                put(key, value);
            else if (!is_nil(change->second))
                merge(key, value, change->second);
            if (change != changes.end())
                changes.erase(change);
        }
        for (const auto& [key, value] : patch)
            if (changes.contains(key) && !is_nil(value))
                merge(key, {}, value);
        built_.close_map(written);
    }

private:
    void put(std::string_view key, std::string_view value)
    {
        built_.write_key(key);
        built_.write(value.data(), value.size());
    }

    void merge(std::string_view key, std::string_view before, std::string_view change)
    {
        std::vector<member> patch;
        if (!members_of(change, patch)) {
            put(key, change);
            return;
        }
        built_.write_key(key);
        map(before, patch);
    }

    msgpack_builder& built_;
};

} // namespace

data_result<void> merge_patch(std::string_view target, std::string_view patch, const data_limits& limits,
                              std::string& out)
{
    std::vector<member> changes;
    if (!members_of(patch, changes))
        return data_error{errc::not_a_map, 0, "the patch is not a map"};
    thread_local msgpack_builder built;
    built.start(out, limits.bytes, target.size() + patch.size());
    merger(built).map(target, changes);
    const bool too_large = built.too_large();
    built.finish();
    if (too_large)
        return data_error{errc::too_large, 0, "the data is too large"};
    return {};
}

} // namespace coatcheck
