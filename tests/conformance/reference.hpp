#pragma once
// What a store must answer, computed with proto/change.hpp over a map: the model that every backend is held to.

#include "backends/backend.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck::conformance {

class reference {
public:
    write put(const handle& name, const head_changes& changes, std::string_view payload, precondition when,
              time_point now);
    bool swap(const handle& name, const head* seen, const head& next, std::optional<std::string_view> payload,
              time_point now);
    std::optional<head> end(const handle& name, time_point now, time_point keep_until);
    std::optional<head> extend(const handle& name, time_point now, std::chrono::milliseconds keep_after_end);

    // What is remembered at `now`; what is not, a store may still hold or not.
    std::optional<record> load(const handle& name, time_point now) const;

private:
    const head* remembered(const handle& name, time_point now) const;

    std::map<handle, record> records_;
};

} // namespace coatcheck::conformance
