#include "backends/redis/resp.hpp"

#include <hiredis/read.h>

#include <array>
#include <charconv>
#include <new>

namespace coatcheck::redis {

namespace {

// What is no bulk string is a number or a sentence: hiredis looks for its end anew with every feed, so it has to come
// soon.
constexpr std::size_t max_line = std::size_t{64} << 10;
constexpr std::size_t integer_digits = 20;

} // namespace

// hiredis calls these while it reads; any pointer but null tells it to go on. Their signatures differ between its
// releases, so the counts are templates.
struct reply_parser::hooks {
    static reply_parser& of(const redisReadTask* t) { return *static_cast<reply_parser*>(t->privdata); }

    static void* add(const redisReadTask* t, node n)
    {
        auto& parser = of(t);
        parser.nodes_.push_back(n);
        return &parser;
    }

    static void* refuse(const redisReadTask* t, std::string_view why)
    {
        of(t).refusal_ = why;
        return nullptr;
    }

    static void* string(const redisReadTask* t, char* text, std::size_t length)
    {
        reply::type what;
        switch (t->type) {
        case REDIS_REPLY_STRING:
            what = reply::type::string;
            break;
        case REDIS_REPLY_STATUS:
            what = reply::type::status;
            break;
        case REDIS_REPLY_ERROR:
            what = reply::type::error;
            break;
        default:
            return refuse(t, "a reply of RESP3, which was not asked for");
        }
        auto& texts = of(t).texts_;
        const auto at = texts.size();
        texts.append(text, length);
        return add(t, {what, 0, at, length});
    }

    template <class Count>
    static void* array(const redisReadTask* t, Count elements)
    {
        if (t->type != REDIS_REPLY_ARRAY)
            return refuse(t, "a reply of RESP3, which was not asked for");
        std::size_t depth = 1;
        for (const auto* above = t->parent; above != nullptr; above = above->parent)
            ++depth;
        const auto& limits = of(t).limits_;
        if (depth > limits.depth)
            return refuse(t, limits.depth == 1 ? "an array in an array" : "arrays in arrays, too deep");
        if (static_cast<std::size_t>(elements) > limits.elements)
            return refuse(t, "an array of too many elements");
        return add(t, {reply::type::array, static_cast<std::int64_t>(elements), 0, 0});
    }

    static void* integer(const redisReadTask* t, long long value)
    {
        return add(t, {reply::type::integer, value, 0, 0});
    }

    static void* nil(const redisReadTask* t) { return add(t, {reply::type::nil, 0, 0, 0}); }

    static void free(void*) {} // the parser owns all objects

    // hiredis 1 has more functions; left null, it makes up objects of its own, which are never looked at.
    static redisReplyObjectFunctions functions() noexcept
    {
        redisReplyObjectFunctions f{};
        f.createString = &hooks::string;
        f.createArray = &hooks::array;
        f.createInteger = &hooks::integer;
        f.createNil = &hooks::nil;
        f.freeObject = &hooks::free;
        return f;
    }
};

bool reply::is_error(std::string_view code) const noexcept
{
    return what == type::error && text.starts_with(code) && (text.size() == code.size() || text[code.size()] == ' ');
}

reply_parser::reply_parser(reply_limits limits) : limits_(limits)
{
    static redisReplyObjectFunctions functions = hooks::functions();
    reader_.reset(redisReaderCreateWithFunctions(&functions));
    if (reader_ == nullptr)
        throw std::bad_alloc();
    reader_->privdata = this;
}

reply_parser::~reply_parser() = default;

void reply_parser::reader_deleter::operator()(redisReader* r) const noexcept
{
    redisReaderFree(r);
}

void reply_parser::feed(std::string_view bytes)
{
    redisReaderFeed(reader_.get(), bytes.data(), bytes.size());
}

bool reply_parser::too_long() const noexcept
{
    const std::size_t waiting = reader_->len - reader_->pos;
    if (waiting + texts_.size() > limits_.bytes)
        return true;
    if (waiting <= max_line)
        return false;
    // A bulk string's header ends at once; a line that ended was read.
    return std::string_view(reader_->buf + reader_->pos, max_line).find("\r\n") == std::string_view::npos;
}

// The node at `at`, which moves behind it and its elements. elements_ never grows beyond its capacity, so that spans of
// it stay.
reply reply_parser::view_of(std::size_t& at)
{
    const node& n = nodes_[at++];
    if (n.what != reply::type::array)
        return {n.what, n.number, std::string_view(texts_).substr(n.text_at, n.length), {}};
    const auto first = elements_.size();
    const auto count = static_cast<std::size_t>(n.number);
    elements_.resize(first + count);
    for (std::size_t i = 0; i < count; ++i)
        elements_[first + i] = view_of(at);
    return {n.what, 0, {}, std::span(elements_).subspan(first, count)};
}

result<std::optional<reply>> reply_parser::next()
{
    if (reader_->ridx < 0) { // the reply before was whole
        texts_.clear();
        nodes_.clear();
    }
    void* whole = nullptr;
    if (redisReaderGetReply(reader_.get(), &whole) != REDIS_OK)
        return failure{errc::unavailable,
                       "no reply of Redis: " + std::string(refusal_.empty() ? reader_->errstr : refusal_)};
    if (whole == nullptr) {
        if (too_long())
            return failure{errc::unavailable, "no reply of Redis: it is too long"};
        return std::optional<reply>();
    }
    std::size_t made = 1;
    for (const auto& n : nodes_)
        if (n.what == reply::type::array)
            made += static_cast<std::size_t>(n.number);
    if (nodes_.size() != made) // hiredis made up the others
        return failure{errc::unavailable, "no reply of Redis: a type of RESP3, which was not asked for"};
    elements_.clear();
    elements_.reserve(nodes_.size());
    std::size_t at = 0;
    return std::optional(view_of(at));
}

std::size_t command_size(std::span<const std::string_view> words) noexcept
{
    constexpr std::size_t around = 1 + integer_digits + 2 + 2;
    std::size_t size = around;
    for (const auto& word : words)
        size += around + word.size();
    return size;
}

void append_command(std::string& out, std::span<const std::string_view> words)
{
    const auto append_count = [&out](char what, std::size_t count) {
        std::array<char, 1 + integer_digits + 2> line;
        line[0] = what;
        char* const end = std::to_chars(line.data() + 1, line.data() + 1 + integer_digits, count).ptr;
        end[0] = '\r';
        end[1] = '\n';
        out.append(line.data(), end + 2);
    };
    append_count('*', words.size());
    for (const auto& word : words) {
        append_count('$', word.size());
        out.append(word).append("\r\n");
    }
}

} // namespace coatcheck::redis
