// The entrance page: for people who come with a browser. Plain HTML, no script.
#pragma once

#include <string>
#include <string_view>

namespace sims::admin {

std::string entrance_page(std::string_view hostname, std::string_view domain);

}  // namespace sims::admin
