#include "backends/mysql/binding.hpp"

#include <string_view>

namespace coatcheck::mysql {

namespace {

MYSQL_BIND bound(const parameter& p, unsigned long& length)
{
    MYSQL_BIND b{};
    if (const auto* number = std::get_if<std::uint64_t>(&p)) {
        b.buffer_type = MYSQL_TYPE_LONGLONG;
        b.is_unsigned = 1;
        b.buffer = const_cast<std::uint64_t*>(number);
        return b;
    }
    const auto* characters = std::get_if<text>(&p);
    const std::string_view value = characters != nullptr ? characters->value : std::get<bytes>(p).value;
    b.buffer_type = characters != nullptr ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB;
    b.buffer = const_cast<char*>(value.empty() ? "" : value.data());
    length = value.size();
    b.buffer_length = length;
    b.length = &length;
    return b;
}

} // namespace

bool run(MYSQL_STMT* s, std::span<const parameter> with)
{
    std::vector<MYSQL_BIND> binds(with.size());
    std::vector<unsigned long> lengths(with.size());
    for (std::size_t i = 0; i < with.size(); ++i)
        binds[i] = bound(with[i], lengths[i]);
    return mysql_stmt_param_count(s) == with.size() && mysql_stmt_bind_param(s, binds.data()) == 0 &&
           mysql_stmt_execute(s) == 0;
}

result_columns::result_columns(shape each)
    : each_(each), binds_(each.numbers + each.strings), numbers_(each.numbers), lengths_(binds_.size()),
      nulls_(binds_.size()), errors_(binds_.size())
{
    for (std::size_t i = 0; i < binds_.size(); ++i) {
        auto& b = binds_[i];
        b.length = &lengths_[i];
        b.is_null = &nulls_[i];
        b.error = &errors_[i];
        if (i < each.numbers) {
            b.buffer_type = MYSQL_TYPE_LONGLONG;
            b.is_unsigned = 1;
            b.buffer = &numbers_[i];
        } else {
            b.buffer_type = MYSQL_TYPE_BLOB;
        }
    }
}

bool result_columns::bind(MYSQL_STMT* s)
{
    return mysql_stmt_field_count(s) == binds_.size() && mysql_stmt_bind_result(s, binds_.data()) == 0;
}

std::optional<row> result_columns::take(MYSQL_STMT* s) const
{
    row r{numbers_, {}};
    for (std::size_t i = each_.numbers; i < binds_.size(); ++i) {
        auto& to = r.strings.emplace_back(nulls_[i] != 0 ? 0 : lengths_[i], '\0');
        MYSQL_BIND b{};
        b.buffer_type = MYSQL_TYPE_BLOB;
        b.buffer = to.data();
        b.buffer_length = to.size();
        if (!to.empty() && mysql_stmt_fetch_column(s, &b, static_cast<unsigned>(i), 0) != 0)
            return std::nullopt;
    }
    return r;
}

} // namespace coatcheck::mysql
