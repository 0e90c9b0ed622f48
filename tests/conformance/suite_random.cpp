// Any sequence of operations gives what the reference gives.

#include "proto/random.hpp"
#include "tests/conformance/fixture.hpp"

#include <cstdlib>
#include <map>
#include <random>
#include <set>

namespace coatcheck::conformance {

namespace {

// COATCHECK_SEED repeats a run that failed.
std::uint64_t chosen_seed()
{
    const char* const given = std::getenv("COATCHECK_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : random_uint64();
}

class dice {
public:
    explicit dice(std::uint64_t seed) : engine_(seed) {}

    std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(engine_); }
    bool one_in(std::size_t n) { return below(n) == 0; }

    template <class T, std::size_t n>
    T of(const T (&values)[n])
    {
        return values[below(n)];
    }

private:
    std::mt19937_64 engine_;
};

// Minutes at least: the store's own clock, if it has one, moves on by seconds while the test runs.
constexpr std::chrono::seconds lifetimes[] = {10min, 1h, 25h, 31 * 24h, 400 * 24h};
constexpr std::chrono::milliseconds keeps[] = {0ms, 1ms, 60s, 10min, 24h};
constexpr std::chrono::milliseconds steps[] = {0ms,   0ms,   1ms,      1min, 1min + 1ms, 6min,      10min,
                                               11min, 66min, 3h + 1ms, 26h,  34 * 24h,   440 * 24h, -2s};

head_changes random_changes(dice& d, const head& last, time_point now)
{
    head_changes c;
    c.next = make_version();
    c.default_idle = d.of(lifetimes);
    if (d.one_in(3))
        c.default_absolute = d.of(lifetimes);
    if (d.one_in(3))
        c.idle = d.of(lifetimes);
    if (d.one_in(4))
        c.absolute = d.of(lifetimes);
    if (d.one_in(3))
        c.subject = std::string(d.below(40), static_cast<char>(d.below(256)));
    if (d.one_in(3))
        c.label = std::string(d.below(40), static_cast<char>(d.below(256)));
    c.may_create = !d.one_in(6);
    c.keep_after_end = d.of(keeps);
    if (d.one_in(4))
        c.lock_token = last.lock_token + d.below(2);
    if (d.one_in(8))
        c.epoch = now - 1h;
    return c;
}

// A head that a swap could give to a record that was `last`.
head random_head(dice& d, const head& last, time_point now)
{
    constexpr kind kinds[] = {kind::live, kind::live, kind::live, kind::alias, kind::pending};
    head h = apply(last.revision > 0 ? &last : nullptr, random_changes(d, last, now), now);
    h.what = d.of(kinds);
    h.lock_token = last.lock_token + d.below(3);
    h.locked_until = d.one_in(2) ? now + 1min : time_point{};
    return h;
}

precondition random_precondition(dice& d, const head& last)
{
    switch (d.below(8)) {
    case 0:
        return precondition::absent();
    case 1:
        return precondition::exists();
    case 2:
        return precondition::matches(last.data_version);
    case 3:
        return precondition::matches({last.data_version.bits + 1});
    case 4:
        return precondition::at_revision(last.revision);
    case 5:
        return precondition::at_revision(last.revision + 1);
    default:
        return precondition::none();
    }
}

} // namespace

TEST_CASE("random sequences of operations give what the reference gives")
{
    const auto seed = chosen_seed();
    MESSAGE("COATCHECK_SEED=", seed);
    CAPTURE(seed);
    dice d(seed);
    fixture f;
    std::map<write::outcome, int> outcomes;
    int swapped = 0;
    std::set<std::uint64_t> versions;
    for (int sequence = 0; sequence < 12; ++sequence) {
        const session_key keys[] = {f.new_key(), f.new_key(), f.new_key()};
        std::map<handle, head> last;
        // Ahead of the store's own clock, so that it forgets nothing that is remembered for a millisecond here.
        f.now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()) + 1h;
        for (int step = 0; step < 80; ++step) {
            CAPTURE(sequence);
            CAPTURE(step);
            const session_key key = d.of(keys);
            f.now += d.one_in(3) ? d.of(steps) : 1min;
            switch (d.below(10)) {
            case 8:
            case 9: {
                const head& seen = last[key.name];
                const bool is_there = seen.keep_until > f.now && !d.one_in(8);
                const bool keeps_payload = is_there && d.one_in(2);
                const std::string payload(d.below(300), static_cast<char>(d.below(256)));
                swapped += f.swap(key, is_there ? std::optional(seen) : std::nullopt,
                                  random_head(d, is_there ? seen : head{}, f.now),
                                  keeps_payload ? std::nullopt : std::optional<std::string_view>(payload));
                break;
            }
            case 0:
                f.end(key, d.of(keeps));
                break;
            case 1:
            case 2:
                f.extend(key, d.of(keeps));
                break;
            case 3:
                break;
            default: {
                const std::string payload(d.below(300), static_cast<char>(d.below(256)));
                const write w = f.put(key, payload, random_precondition(d, last[key.name]),
                                      random_changes(d, last[key.name], f.now));
                ++outcomes[w.what];
                if (w.what != write::outcome::refused)
                    CHECK(versions.insert(w.about.data_version.bits).second);
            }
            }
            const auto held = f.load(key);
            last[key.name] = held ? held->about : head{};
        }
    }
    // The dice reached what they are for.
    CHECK(outcomes[write::outcome::created] > 10);
    CHECK(outcomes[write::outcome::replaced] > 10);
    CHECK(outcomes[write::outcome::refused] > 10);
    CHECK(swapped > 10);
}

} // namespace coatcheck::conformance
