#pragma once
// From bytes to a request: Beast's parser, and the rules of RFC 9112 that it leaves to its user.

#include "proto/error.hpp"
#include "server/request.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck {

constexpr std::size_t max_target_length = 2048; // bytes

// Why a request was refused before it reached a handler; `reason` is for the caller and points to a literal.
struct http_error {
    errc code;
    std::string_view reason;
};

class request_parser {
public:
    // `into` gets views of what is parsed. One parser takes one request.
    request_parser(request& into, std::size_t header_limit);

    // Takes the header from the front of `input`, which must stay where it is while `into` is used. Returns its length,
    // 0 if it is not all there yet.
    boost::system::result<std::size_t, http_error> parse_header(std::string_view input);

    // Of the body that follows the header.
    bool is_chunked() const noexcept { return impl_.chunked(); }
    std::uint64_t content_length() const noexcept;

    // Takes what it can of a chunked body and appends the data to `body`; `limit` bounds the data. Returns how much of
    // `input` was consumed; the rest has to come again, with more behind it. is_done() tells when the body has ended.
    boost::system::result<std::size_t, http_error> parse_chunks(std::string_view input, std::size_t limit,
                                                                std::string& body);
    bool is_done() const noexcept { return impl_.is_done(); }

private:
    class impl : public boost::beast::http::basic_parser<true> {
    public:
        request* into = nullptr;
        std::string* body = nullptr;
        std::size_t body_limit_bytes = 0;
        std::optional<http_error> refused; // set beside the error_code that stops Beast
        bool in_trailer = false;
        std::string_view authority; // of an absolute-form target

    private:
        using error_code = boost::beast::error_code;
        using text = boost::beast::string_view;

        void on_request_impl(boost::beast::http::verb verb, text method_text, text target, int version,
                             error_code& ec) override;
        void on_field_impl(boost::beast::http::field name, text name_text, text value, error_code& ec) override;
        void on_header_impl(error_code& ec) override;
        void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code& ec) override;
        std::size_t on_body_impl(text data, error_code& ec) override;
        void on_chunk_header_impl(std::uint64_t size, text extensions, error_code& ec) override;
        std::size_t on_chunk_body_impl(std::uint64_t remain, text data, error_code& ec) override;
        void on_finish_impl(error_code& ec) override;
        void on_response_impl(int, text, int, error_code&) override {}

        void refuse(errc code, std::string_view reason, error_code& ec);
    };

    http_error error_of(const boost::beast::error_code& ec) const;

    impl impl_;
    std::size_t header_limit_;
    std::size_t chunked_bytes_ = 0; // taken by parse_chunks, framing included
};

} // namespace coatcheck
