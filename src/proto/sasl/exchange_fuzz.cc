// Any responses to any mechanism: an end is reached or more is asked, and nobody gets in without a secret.
#include "base/check.h"
#include "proto/sasl/exchange.h"

using namespace sims;

namespace {

class NoSecrets final : public sasl::Secrets {
public:
    std::optional<sasl::ScramKeys> scram_keys(std::string_view) const override {
        return sasl::ScramKeys{4096, "salt of sixteen.", std::string(32, 's'), std::string(32, 'k')};
    }
    std::optional<std::string> shared_secret(std::string_view) const override {
        return "not to be guessed 93c1";
    }
    std::string decoy_salt(std::string_view) const override { return "decoy"; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (size == 0) return 0;
    std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    (void)sasl::decode_base64(rest);
    const auto offered = sasl::mechanisms_for({.is_encrypted = true,
                                               .tls_exporter = std::string(32, 'x'),
                                               .takes_tokens = true,
                                               .has_shared_secrets = true});
    const NoSecrets secrets;
    sasl::Exchange exchange(offered[data[0] % offered.size()],
                            {.is_encrypted = true, .tls_exporter = std::string(32, 'x')}, secrets, "host");
    const auto take = [&rest] {
        const auto end = rest.find('\n');
        const auto line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        return line;
    };
    auto step = (data[0] & 0x80) != 0 ? exchange.begin(take()) : exchange.begin(std::nullopt);
    for (int round = 0; round < 10; ++round) {
        check(!std::holds_alternative<sasl::Success>(step), "in without a secret");
        if (!std::holds_alternative<sasl::Challenge>(step)) return 0;
        step = exchange.on(take());
    }
    return 0;
}
