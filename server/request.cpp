#include "server/request.hpp"

namespace coatcheck {

std::string_view name_of(method m) noexcept
{
    static constexpr std::array<std::string_view, method_count> names{"GET",   "HEAD",   "POST",    "PUT",
                                                                      "PATCH", "DELETE", "OPTIONS", "other"};
    return names[static_cast<std::size_t>(m)];
}

void request::append(list_field f, std::string_view value)
{
    const auto i = static_cast<std::size_t>(f);
    if (list_[i].data() == nullptr) {
        list_[i] = value;
        return;
    }
    joined_[i] = std::string(list_[i]).append(", ").append(value);
    list_[i] = joined_[i];
}

void request::clear() noexcept
{
    verb = method::unsupported;
    target = {};
    body = {};
    http_1_0 = false;
    keep_alive = true;
    single_ = {};
    list_ = {};
}

} // namespace coatcheck
