// SCRAM keys as the credentials table keeps them: "iterations$salt$stored$server", the last three in base64.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/sasl/exchange.h"

namespace sims::directory {

std::string text_of(const sasl::ScramKeys& keys);
std::optional<sasl::ScramKeys> parse_scram_keys(std::string_view text);

}  // namespace sims::directory
