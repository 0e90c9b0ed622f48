#include "backends/dynamodb/answer.hpp"

#include <boost/json.hpp>

#include <utility>

namespace coatcheck::dynamodb {

namespace json = boost::json;

namespace {

using type = answer::type;

constexpr std::size_t longest_quote = 300; // of what a server says

struct known_error {
    std::string_view name;
    type what;
    std::string_view instead; // of the server's words, which may hold parts of the request; empty: its words
};

constexpr std::string_view wrong_secret =
    "the signature is wrong: the secret key is, or something between here and there changes requests";
constexpr std::string_view unknown_key = "the access key, or its session token, is not known";
constexpr std::string_view expired_token = "the credentials have expired";

constexpr known_error errors[] = {
    {"ConditionalCheckFailedException", type::condition_failed, ""},
    {"ResourceNotFoundException", type::no_table, ""},
    {"ResourceInUseException", type::in_use, ""},
    {"TableAlreadyExistsException", type::in_use, ""},
    {"ProvisionedThroughputExceededException", type::throttled, ""},
    {"ThrottlingException", type::throttled, ""},
    {"Throttling", type::throttled, ""},
    {"RequestLimitExceeded", type::throttled, ""},
    {"LimitExceededException", type::throttled, ""},
    {"TransactionConflictException", type::throttled, ""},
    {"ExpiredTokenException", type::expired, expired_token},
    {"ExpiredToken", type::expired, expired_token},
    {"UnrecognizedClientException", type::refused, unknown_key},
    {"InvalidClientTokenId", type::refused, unknown_key},
    {"InvalidSignatureException", type::refused, wrong_secret},
    {"SignatureDoesNotMatch", type::refused, wrong_secret},
    {"IncompleteSignatureException", type::refused, wrong_secret},
    {"IncompleteSignature", type::refused, wrong_secret},
    {"MissingAuthenticationTokenException", type::refused, wrong_secret},
    {"MissingAuthenticationToken", type::refused, wrong_secret},
    {"AccessDeniedException", type::refused, ""},
    {"AccessDenied", type::refused, ""},
    {"InternalServerError", type::unknown, ""},
    {"InternalFailure", type::unknown, ""},
    {"ServiceUnavailable", type::unknown, ""},
    {"ServiceUnavailableException", type::unknown, ""},
};

std::string text_of(const json::object& from, std::string_view name)
{
    const auto* const value = from.if_contains({name.data(), name.size()});
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string_view between(std::string_view text, std::string_view begin, std::string_view end)
{
    const auto from = text.find(begin);
    const auto to = from == text.npos ? from : text.find(end, from);
    return to == text.npos ? std::string_view() : text.substr(from + begin.size(), to - from - begin.size());
}

// Printable, and not without end.
std::string quoted(std::string_view text)
{
    std::string out(text.substr(0, longest_quote));
    for (char& c : out)
        c = c < ' ' || c > '~' ? ' ' : c;
    return out;
}

type type_of_status(unsigned status)
{
    if (status >= 500)
        return type::unknown;
    return status == 429 ? type::throttled : status == 401 || status == 403 ? type::refused : type::wrong;
}

} // namespace

answer read_answer(unsigned status, std::string_view body)
{
    boost::system::error_code ec;
    auto parsed = json::parse({body.data(), body.size()}, ec);
    answer a;
    if (!ec && parsed.is_object())
        a.body = std::move(parsed.get_object());
    else if (status == 200) // it was done; but what, nobody knows
        return {type::unknown, "the answer is not JSON", {}};
    if (status == 200)
        return a;

    // "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", or XML from what stands before DynamoDB.
    std::string name = text_of(a.body, "__type");
    name.erase(0, name.find('#') + 1);
    if (name.empty())
        name = quoted(between(body, "<Code>", "</Code>"));
    std::string message = text_of(a.body, "message") + text_of(a.body, "Message");
    if (message.empty())
        message = between(body, "<Message>", "</Message>");

    a.what = type_of_status(status);
    a.detail = std::to_string(status) + " " + quoted(name) + ": ";
    std::string_view words = message;
    for (const auto& known : errors) {
        if (name != known.name)
            continue;
        a.what = known.what;
        if (!known.instead.empty())
            words = known.instead;
    }
    // Whose clock is wrong shows in the times that these messages begin with.
    if (message.starts_with("Signature expired") || message.starts_with("Signature not yet current"))
        words = "this machine's clock is wrong, or the request took too long";
    if (name == "ValidationException" && message.find("Item size") != std::string::npos)
        a.what = type::item_too_large;
    a.detail += quoted(words);
    return a;
}

} // namespace coatcheck::dynamodb
