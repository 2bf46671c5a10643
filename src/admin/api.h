// The administration API: a request in, an answer out, the operations in between. Knows no socket, no HTTP
// bytes and no rights: who gets here may do everything. Blocks as the operations do.
#pragma once

#include <string>

#include "admin/operations.h"
#include "admin/target.h"

namespace sims::admin {

struct ApiRequest {
    std::string method;  // "GET"
    Target target;       // the path begins with "api", "v1"
    std::string body;    // JSON, or empty
    Caller caller;
};

struct Answer {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::string allow;  // of 405: the methods there are
};

Answer answer_api(Operations& operations, const ApiRequest& request);

// The HTTP status of a problem, and its answer.
int status_of(Fault fault);
Answer answer_problem(const Problem& problem);
Answer answer_error(int status, std::string_view code, std::string_view message);

}  // namespace sims::admin
