#pragma once
// The daemon's own bodies (meta, stores, problems) are written as MessagePack, so that Accept holds for them as it does
// for sessions.

#include <msgpack.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace coatcheck {

class msgpack_writer {
public:
    explicit msgpack_writer(std::string& out) : sink_{out}, pack_(sink_) {}

    msgpack_writer& map(std::size_t members)
    {
        pack_.pack_map(static_cast<std::uint32_t>(members));
        return *this;
    }
    msgpack_writer& array(std::size_t members)
    {
        pack_.pack_array(static_cast<std::uint32_t>(members));
        return *this;
    }
    msgpack_writer& text(std::string_view s)
    {
        pack_.pack_str(static_cast<std::uint32_t>(s.size()));
        pack_.pack_str_body(s.data(), static_cast<std::uint32_t>(s.size()));
        return *this;
    }
    msgpack_writer& number(std::int64_t n)
    {
        pack_.pack(n);
        return *this;
    }
    msgpack_writer& boolean(bool b)
    {
        pack_.pack(b);
        return *this;
    }
    msgpack_writer& null()
    {
        pack_.pack_nil();
        return *this;
    }

private:
    struct sink {
        std::string& out;
        void write(const char* data, std::size_t size) { out.append(data, size); }
    };
    sink sink_;
    msgpack::packer<sink> pack_;
};

} // namespace coatcheck
