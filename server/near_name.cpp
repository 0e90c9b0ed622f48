#include "server/near_name.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace coatcheck {

namespace {

// Levenshtein's: insertions, deletions and replacements that make `b` of `a`.
std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

} // namespace

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known)
{
    std::string best;
    std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const auto& name : known) {
        if (const std::size_t d = distance(word, name); d < least) {
            least = d;
            best = name;
        }
    }
    return best.empty() ? "" : "; did you mean '" + best + "'?";
}

} // namespace coatcheck
