// The command line's way to a server: HTTP over control.sock, or to a URL. Blocks.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace sims::app {

struct ApiReply {
    int status = 0;
    std::string body;
};

// Where the server is, and who asks.
struct ApiTarget {
    std::string socket_path;     // BASE/control.sock, when there is no URL
    std::string url;             // "http://host:8100" or "https://host:8100"
    std::string user, password;  // with a URL
};

class ApiClient {
public:
    // Errors: invalid for a URL that is none.
    static Result<ApiClient> make(ApiTarget target);

    // `path` begins behind "/api/v1/". `body` is JSON or empty. Errors: unavailable, with the reason: then no
    // answer came, whatever became of the request.
    Result<ApiReply> call(std::string_view method, std::string_view path, std::string_view body = {}) const;

private:
    explicit ApiClient(ApiTarget target) : target_(std::move(target)) {}

    ApiTarget target_;
    bool tls_ = false;
    std::string host_, port_, prefix_;
};

}  // namespace sims::app
