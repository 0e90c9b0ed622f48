#include "backends/memcached/failures.hpp"

#include <string>

namespace coatcheck::memcached {

failure failure_of(const reply& r, command::verb what)
{
    const bool stores = family_of(what) == reply::family::store;
    if (r.what == reply::type::full && stores)
        return {errc::full, "memcached has no memory for an item of this size: " + std::string(r.text)};
    if (r.what == reply::type::too_large && stores)
        return {errc::too_large, "larger than memcached's items may be (-I)"};
    if (r.what == reply::type::error || r.what == reply::type::full)
        return {errc::unavailable, "memcached answers " + std::string(r.text)};
    return {errc::internal, "memcached answers what was not asked: " + std::string(r.text)};
}

} // namespace coatcheck::memcached
