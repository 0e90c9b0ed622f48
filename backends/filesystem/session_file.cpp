#include "backends/filesystem/session_file.hpp"

#include <boost/crc.hpp>
#include <boost/endian/conversion.hpp>

namespace coatcheck::filesystem {

namespace {

namespace endian = boost::endian;

constexpr std::string_view magic = "CCF";
constexpr unsigned char format = 1;
enum at : std::size_t { format_number = 3, checksum = 4, length = 8, begin_of_record = 16 };
static_assert(begin_of_record + 84 + max_subject_length + max_label_length <= longest_head);

std::uint32_t crc_of(std::string_view bytes)
{
    boost::crc_32_type crc;
    crc.process_bytes(bytes.data(), bytes.size());
    return crc.checksum();
}

const unsigned char* at_byte(std::string_view bytes, at offset)
{
    return reinterpret_cast<const unsigned char*>(bytes.data()) + offset;
}

// What comes after the frame.
result<std::string_view> behind_frame(std::string_view bytes)
{
    if (bytes.size() <= format_number || !bytes.starts_with(magic))
        return failure{errc::corrupt, "file: not a session's"};
    const auto written_as = static_cast<unsigned char>(bytes[format_number]);
    if (written_as > format)
        return failure{errc::newer_format, "file: format " + std::to_string(written_as)};
    if (written_as != format || bytes.size() < begin_of_record)
        return failure{errc::corrupt, "file: cut short"};
    return bytes.substr(begin_of_record);
}

} // namespace

std::string encode_file(const head& about, std::string_view payload)
{
    std::string bytes(begin_of_record, '\0');
    encode(about, payload, bytes);
    bytes.replace(0, magic.size(), magic);
    bytes[format_number] = format;
    auto* const frame = reinterpret_cast<unsigned char*>(bytes.data());
    endian::store_big_u64(frame + length, bytes.size() - begin_of_record);
    endian::store_big_u32(frame + checksum, crc_of(std::string_view(bytes).substr(length)));
    return bytes;
}

result<record> decode_file(std::string_view bytes)
{
    const auto rest = behind_frame(bytes);
    if (!rest)
        return rest.error();
    const std::uint64_t size = endian::load_big_u64(at_byte(bytes, length));
    if (size > rest->size())
        return failure{errc::corrupt, "file: cut short"};
    const auto whole = bytes.substr(0, begin_of_record + size);
    if (crc_of(whole.substr(length)) != endian::load_big_u32(at_byte(bytes, checksum)))
        return failure{errc::corrupt, "file: damaged, as its checksum shows"};
    return decode_record(whole.substr(begin_of_record));
}

result<time_point> keep_until_in(std::string_view beginning)
{
    const auto rest = behind_frame(beginning);
    if (!rest)
        return rest.error();
    const auto decoded = decode_head(*rest);
    if (!decoded)
        return decoded.error();
    return decoded->about.keep_until;
}

} // namespace coatcheck::filesystem
