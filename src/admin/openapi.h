// The description of the API, in OpenAPI 3.0 (api_test.cc sees that it is true).
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sims::admin {

struct ApiDescription {
    std::string_view method;  // "get"
    std::string_view path;    // "/accounts/{name}", behind /api/v1
    std::string_view summary;
    std::string_view fields;  // of the request's body, "a,b"; "*" for any
    std::string_view query;   // parameters, "a,b"
};
std::span<const ApiDescription> api_descriptions();

std::string openapi_document(std::string_view hostname);

}  // namespace sims::admin
