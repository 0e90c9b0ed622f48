#pragma once
// AWS Signature Version 4: which requests come from whom, without I/O.

#include "backends/dynamodb/credentials/credentials.hpp"
#include "backends/transport/http_client.hpp"

#include <string>
#include <string_view>

namespace coatcheck::dynamodb::sigv4 {

struct scope {
    std::string_view region;
    std::string_view service;
};

// "20150830T123600Z".
std::string amz_date(time_point now);

// What is signed of a request whose headers include Host and X-Amz-Date: all of them, the target as it goes over the
// wire, and the body. `normalize`: empty and dot segments of the path are resolved, as every service but S3 wants it.
std::string canonical_request(const http_request& request, bool normalize = true);

std::string string_to_sign(std::string_view canonical, std::string_view date, const scope& where);

// The header Authorization.
std::string authorization(const http_request& request, std::string_view date, const credentials& who,
                          const scope& where, bool normalize = true);

// Adds X-Amz-Date, X-Amz-Security-Token if there is one, and Authorization. `host` is what Host will say.
void sign(http_request& request, const std::string& host, const credentials& who, const scope& where, time_point now);

} // namespace coatcheck::dynamodb::sigv4
