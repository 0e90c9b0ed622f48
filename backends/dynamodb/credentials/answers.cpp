#include "backends/dynamodb/credentials/answers.hpp"

#include "backends/percent_encoding.hpp"
#include "proto/timestamp.hpp"

#include <boost/json.hpp>

#include <array>
#include <utility>

namespace coatcheck::dynamodb {

namespace {

namespace json = boost::json;

// What a header can carry.
bool is_plain(std::string_view text)
{
    for (const char c : text)
        if (c <= ' ' || c > '~')
            return false;
    return true;
}

result<credentials> checked(credentials c, std::string_view expires)
{
    if (c.key_id.empty() || c.secret.empty() || !is_plain(c.key_id) || !is_plain(c.token))
        return failure{errc::unavailable, "the answer holds no credentials"};
    if (!expires.empty()) {
        const auto at = parse_rfc3339(expires);
        if (!at)
            return failure{errc::unavailable, "the answer does not say when its credentials expire"};
        c.expires = time_point{std::chrono::seconds{at->seconds}};
    }
    return c;
}

} // namespace

result<credentials> read_json_credentials(std::string_view body)
{
    boost::system::error_code ec;
    const auto parsed = json::parse({body.data(), body.size()}, ec);
    if (ec || !parsed.is_object())
        return failure{errc::unavailable, "the answer is not JSON"};
    const auto text = [&](std::string_view name) {
        const auto* const value = parsed.get_object().if_contains({name.data(), name.size()});
        return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
    };
    if (const auto code = text("Code"); !code.empty() && code != "Success")
        return failure{errc::unavailable, "the answer is that there are no credentials"};
    return checked({text("AccessKeyId"), text("SecretAccessKey"), text("Token"), {}}, text("Expiration"));
}

result<credentials> read_sts_credentials(std::string_view body)
{
    const auto inner = xml_text(body, "Credentials");
    return checked(
        {xml_text(inner, "AccessKeyId"), xml_text(inner, "SecretAccessKey"), xml_text(inner, "SessionToken"), {}},
        xml_text(inner, "Expiration"));
}

std::string xml_text(std::string_view document, std::string_view name)
{
    const std::string begin = "<" + std::string(name) + ">";
    const std::string end = "</" + std::string(name) + ">";
    const auto from = document.find(begin);
    const auto to = from == document.npos ? from : document.find(end, from);
    if (to == document.npos)
        return {};
    auto text = document.substr(from + begin.size(), to - from - begin.size());
    constexpr std::pair<std::string_view, char> entities[] = {
        {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}};
    std::string out;
    while (!text.empty()) {
        std::pair<std::string_view, char> next{text.substr(0, 1), text[0]};
        for (const auto& each : entities)
            if (text.starts_with(each.first))
                next = each;
        out += next.second;
        text.remove_prefix(next.first.size());
    }
    return out;
}

std::string form_encoded(std::string_view text)
{
    std::string out;
    percent_encode_to(out, text);
    return out;
}

} // namespace coatcheck::dynamodb
