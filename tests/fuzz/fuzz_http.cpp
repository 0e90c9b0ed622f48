// Whatever a client sends and however it is cut: the same request as in one piece, and nothing that a handler would
// have to distrust.

#include "server/data.hpp"
#include "server/preconditions.hpp"
#include "server/request_parser.hpp"
#include "server/routes.hpp"
#include "tests/fuzz/require.hpp"

#include <algorithm>
#include <cstdint>

using namespace coatcheck;
using fuzz::require;

namespace {

constexpr std::size_t header_limit = 2048;
constexpr std::size_t body_limit = 1024;

// The body of a chunked request that arrives in pieces, and what is left behind it; nothing if it is refused or
// unfinished, which of the two may depend on the cut.
std::optional<std::string> chunked_body(std::string_view header, std::string_view rest, std::size_t piece)
{
    request r;
    request_parser parser(r, header_limit);
    require(parser.parse_header(header).has_value(), "a header parses again");
    std::string body;
    std::string pending;
    while (!parser.is_done()) {
        if (rest.empty())
            return std::nullopt;
        pending.append(rest.substr(0, piece));
        rest.remove_prefix(std::min(piece, rest.size()));
        const auto used = parser.parse_chunks(pending, body_limit, body);
        if (!used)
            return std::nullopt;
        require(body.size() <= body_limit, "a body stays within its limit");
        pending.erase(0, *used);
    }
    return body + "|" + pending.append(rest);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    request r;
    request_parser parser(r, header_limit);
    const auto header = parser.parse_header(input);
    if (!header || *header == 0)
        return 0;
    require(*header <= size, "a header ends within the input");
    require(std::ranges::all_of(r.target, [](char c) { return c > ' ' && c < 127; }), "a target is printable ASCII");
    require(r.http_1_0 || !r.get(single_field::host).empty(), "a request has a host");
    require(input.substr(0, *header).find("\n ") == input.npos, "no field is folded");

    std::string decoded;
    if (const auto found = find_route(r.target, decoded))
        require(found->what != resource::session || !found->id_in_path || found->id.find('/') == found->id.npos,
                "an id has no slash");
    parse_tags(r.get(list_field::if_match), comparison::strong);
    parse_tags(r.get(list_field::if_none_match), comparison::weak);
    negotiate(r.get(list_field::accept), r.has(list_field::accept));
    body_type(r);

    if (parser.is_chunked()) {
        const auto whole = chunked_body(input.substr(0, *header), input.substr(*header), size);
        const auto bytewise = chunked_body(input.substr(0, *header), input.substr(*header), 1);
        require(whole == bytewise, "a chunked body is the same however it is cut");
    }
    return 0;
}
