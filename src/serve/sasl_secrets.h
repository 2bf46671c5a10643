// What SASL mechanisms look up, from the directory's memory.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "directory/directory.h"
#include "proto/sasl/exchange.h"

namespace sims::serve {

class SaslSecrets final : public sasl::Secrets {
public:
    explicit SaslSecrets(const directory::Directory& directory) : directory_(directory) {}
    std::optional<sasl::ScramKeys> scram_keys(std::string_view login) const override {
        return directory_.scram_keys(login);
    }
    // Kept for nobody: it would be as good as a password in clear.
    std::optional<std::string> shared_secret(std::string_view) const override { return std::nullopt; }
    std::string decoy_salt(std::string_view login) const override { return directory_.decoy_salt(login); }

private:
    const directory::Directory& directory_;
};

}  // namespace sims::serve
