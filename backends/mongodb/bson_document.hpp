#pragma once
// A BSON document that is being written.

#include "proto/record.hpp"

#include <bson/bson.h>

#include <concepts>
#include <cstdint>
#include <string_view>

namespace coatcheck::mongodb {

// add() answers the document itself. Names are string literals, or live as long as the call.
class bson_document {
public:
    bson_document() { bson_init(&value_); }
    ~bson_document() { bson_destroy(&value_); }
    bson_document(const bson_document&) = delete;
    bson_document& operator=(const bson_document&) = delete;

    const bson_t* get() const noexcept { return &value_; }
    bson_t* get() noexcept { return &value_; }

    bson_document& add(std::string_view name, std::int64_t value)
    {
        bson_append_int64(&value_, name.data(), length(name), value);
        return *this;
    }
    bson_document& add(std::string_view name, int value)
    {
        bson_append_int32(&value_, name.data(), length(name), value);
        return *this;
    }
    // Not for what converts to bool, as a pointer does.
    bson_document& add(std::string_view name, std::same_as<bool> auto value)
    {
        bson_append_bool(&value_, name.data(), length(name), value);
        return *this;
    }
    bson_document& add(std::string_view name, time_point value)
    {
        bson_append_date_time(&value_, name.data(), length(name), value.time_since_epoch().count());
        return *this;
    }
    bson_document& add(std::string_view name, const bson_document& value)
    {
        bson_append_document(&value_, name.data(), length(name), value.get());
        return *this;
    }
    bson_document& add_array(std::string_view name, const bson_document& value)
    {
        bson_append_array(&value_, name.data(), length(name), value.get());
        return *this;
    }
    bson_document& add_null(std::string_view name)
    {
        bson_append_null(&value_, name.data(), length(name));
        return *this;
    }
    // UTF-8.
    bson_document& add_text(std::string_view name, std::string_view value)
    {
        bson_append_utf8(&value_, name.data(), length(name), value.data(), length(value));
        return *this;
    }
    bson_document& add_binary(std::string_view name, std::string_view value)
    {
        bson_append_binary(&value_, name.data(), length(name), BSON_SUBTYPE_BINARY,
                           reinterpret_cast<const std::uint8_t*>(value.data()),
                           static_cast<std::uint32_t>(value.size()));
        return *this;
    }

private:
    static int length(std::string_view text) noexcept { return static_cast<int>(text.size()); }

    bson_t value_;
};

} // namespace coatcheck::mongodb
