#include "backends/mongodb/server_error.hpp"

#include <doctest/doctest.h>

#include <cstring>

namespace coatcheck::mongodb {

namespace {

struct fault {
    std::uint32_t domain;
    std::uint32_t code;
};

bson_error_t error(std::uint32_t domain, std::uint32_t code, const char* message = "text")
{
    bson_error_t e{};
    e.domain = domain;
    e.code = code;
    std::strncpy(e.message, message, sizeof e.message - 1);
    return e;
}

errc of_write(const bson_error_t& e)
{
    return failure_of(e, effect::writes).code;
}

errc of_read(const bson_error_t& e)
{
    return failure_of(e, effect::none).code;
}

} // namespace

TEST_CASE("a write whose reply did not come may have landed, and a read has done nothing")
{
    for (const auto& [domain, code] :
         {fault{MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET},
          fault{MONGOC_ERROR_PROTOCOL, MONGOC_ERROR_PROTOCOL_INVALID_REPLY}, fault{MONGOC_ERROR_SERVER, 91},
          fault{MONGOC_ERROR_SERVER, 189}, fault{MONGOC_ERROR_SERVER, 11600}, fault{MONGOC_ERROR_SERVER, 11602}}) {
        CAPTURE(code);
        const bson_error_t e = error(domain, code);
        CHECK(of_write(e) == errc::timed_out);
        CHECK(of_read(e) == errc::unavailable);
        CHECK(loses_connection(e));
    }
}

TEST_CASE("who found no server, or was not let in, has written nothing")
{
    for (const auto& [domain, code] : {fault{MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE},
                                       fault{MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_CONNECT},
                                       fault{MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_NAME_RESOLUTION},
                                       fault{MONGOC_ERROR_CLIENT, MONGOC_ERROR_CLIENT_AUTHENTICATE},
                                       fault{MONGOC_ERROR_SCRAM, MONGOC_ERROR_SCRAM_PROTOCOL_ERROR},
                                       fault{MONGOC_ERROR_SERVER, 10107}, fault{MONGOC_ERROR_SERVER, 13435}}) {
        CAPTURE(code);
        const bson_error_t e = error(domain, code);
        CHECK(of_write(e) == errc::unavailable);
        CHECK(of_read(e) == errc::unavailable);
        CHECK(loses_connection(e));
    }
}

TEST_CASE("a server that refuses a command keeps its connection")
{
    const auto unauthorized = error(MONGOC_ERROR_SERVER, 13);
    CHECK(of_write(unauthorized) == errc::unavailable);
    CHECK(!loses_connection(unauthorized));
    CHECK(failure_of(unauthorized, effect::writes).detail == "mongodb: text");
}

TEST_CASE("a full store, a document that is too large and a command that took too long are told apart")
{
    CHECK(of_write(error(MONGOC_ERROR_SERVER, 14031)) == errc::full);
    CHECK(of_write(error(MONGOC_ERROR_SERVER, 8000, "you are over your space quota")) == errc::full);
    CHECK(of_write(error(MONGOC_ERROR_SERVER, 8000, "bad auth")) == errc::unavailable);
    CHECK(of_write(error(MONGOC_ERROR_SERVER, 10334)) == errc::too_large);
    CHECK(of_write(error(MONGOC_ERROR_BSON, MONGOC_ERROR_BSON_INVALID)) == errc::too_large);
    CHECK(of_write(error(MONGOC_ERROR_SERVER, 50)) == errc::timed_out);
    CHECK(of_read(error(MONGOC_ERROR_SERVER, 50)) == errc::timed_out);
    CHECK(of_write(error(MONGOC_ERROR_WRITE_CONCERN, 64)) == errc::timed_out);
    CHECK(of_write(error(MONGOC_ERROR_COMMAND, MONGOC_ERROR_COMMAND_INVALID_ARG)) == errc::internal);
}

TEST_CASE("only the server's own word makes a duplicate")
{
    CHECK(is_duplicate(error(MONGOC_ERROR_SERVER, 11000)));
    CHECK(!is_duplicate(error(MONGOC_ERROR_STREAM, 11000)));
    CHECK(!is_duplicate(error(MONGOC_ERROR_SERVER, 11)));
    CHECK(is_away(error(MONGOC_ERROR_SERVER_SELECTION, MONGOC_ERROR_SERVER_SELECTION_FAILURE)));
    CHECK(!is_away(error(MONGOC_ERROR_STREAM, MONGOC_ERROR_STREAM_SOCKET)));
}

} // namespace coatcheck::mongodb
