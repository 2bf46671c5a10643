// Who may administer from the network: HTTP Basic (RFC 7617) with an account that is an administrator.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "directory/directory.h"

namespace sims::admin {

struct BasicCredentials {
    std::string user;
    std::string password;
};

// The value of an Authorization field. Total; nothing for any other scheme and for what is broken.
std::optional<BasicCredentials> parse_basic(std::string_view field);

enum class Admission { welcome, wrong, forbidden, unavailable };

struct Verdict {
    Admission admission = Admission::wrong;
    std::string account;  // as it is written in the directory, when welcome or forbidden
};

// Blocks: the password may have to be hashed.
Verdict judge_login(directory::Directory& directory, const BasicCredentials& credentials);

// A browser is made to ask us for somebody else's page (cross-site request forgery): `origin` is the Origin
// field, empty when there is none; `host` the Host field.
bool is_foreign_origin(std::string_view origin, std::string_view host);

}  // namespace sims::admin
