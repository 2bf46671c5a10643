#include "proto/sasl/exchange.h"

#include <array>
#include <gsasl.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/text.h"
#include "proto/sasl/kinds.h"

namespace sims::sasl {

namespace {

constexpr std::array<std::pair<Mechanism, std::string_view>, 7> names{{
    {Mechanism::scram_sha_256_plus, "SCRAM-SHA-256-PLUS"},
    {Mechanism::scram_sha_256, "SCRAM-SHA-256"},
    {Mechanism::cram_md5, "CRAM-MD5"},
    {Mechanism::plain, "PLAIN"},
    {Mechanism::login, "LOGIN"},
    {Mechanism::oauthbearer, "OAUTHBEARER"},
    {Mechanism::xoauth2, "XOAUTH2"},
}};

}  // namespace

std::string_view name_of(Mechanism mechanism) {
    for (const auto& [value, name] : names) {
        if (value == mechanism) return name;
    }
    return {};
}

std::optional<Mechanism> parse_mechanism(std::string_view text) {
    for (const auto& [value, name] : names) {
        if (equal_ignoring_case(name, text)) return value;
    }
    return std::nullopt;
}

std::vector<Mechanism> mechanisms_for(const Channel& channel) {
    std::vector<Mechanism> offered;
    if (channel.is_encrypted && !channel.tls_exporter.empty())
        offered.push_back(Mechanism::scram_sha_256_plus);
    offered.push_back(Mechanism::scram_sha_256);
    if (channel.has_shared_secrets) offered.push_back(Mechanism::cram_md5);
    if (channel.is_encrypted) {
        offered.push_back(Mechanism::plain);
        offered.push_back(Mechanism::login);
        if (channel.takes_tokens) {
            offered.push_back(Mechanism::oauthbearer);
            offered.push_back(Mechanism::xoauth2);
        }
    }
    return offered;
}

std::optional<ScramKeys> make_scram_keys(std::string_view password, std::string_view salt,
                                         std::uint32_t iterations) {
    const std::string text(password);
    char* prepared = nullptr;
    if (gsasl_saslprep(text.c_str(), static_cast<Gsasl_saslprep_flags>(0), &prepared, nullptr) != GSASL_OK) {
        return std::nullopt;
    }
    std::array<char, 32> salted{}, client{}, server{}, stored{};
    const int result =
        gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, prepared, iterations, salt.data(), salt.size(),
                                          salted.data(), client.data(), server.data(), stored.data());
    gsasl_free(prepared);
    if (result != GSASL_OK) return std::nullopt;
    return ScramKeys{iterations, std::string(salt), std::string(stored.data(), stored.size()),
                     std::string(server.data(), server.size())};
}

Exchange::Exchange(Mechanism mechanism, const Channel& channel, const Secrets& secrets, std::string host) {
    switch (mechanism) {
        case Mechanism::plain: kind_ = make_plain(); break;
        case Mechanism::login: kind_ = make_login(); break;
        case Mechanism::oauthbearer:
        case Mechanism::xoauth2: kind_ = make_bearer(); break;
        case Mechanism::scram_sha_256_plus:
        case Mechanism::scram_sha_256:
        case Mechanism::cram_md5: kind_ = make_gnu(mechanism, channel, secrets, std::move(host)); break;
    }
}

Exchange::~Exchange() = default;
Exchange::Exchange(Exchange&&) noexcept = default;
Exchange& Exchange::operator=(Exchange&&) noexcept = default;

Step Exchange::begin(std::optional<std::string_view> initial) {
    if (initial && initial->size() > ExchangeLimits::response_max) return Failure{Failed::malformed, {}};
    return kind_->begin(initial);
}

Step Exchange::on(std::string_view response) {
    if (response.size() > ExchangeLimits::response_max) return Failure{Failed::malformed, {}};
    return kind_->on(response);
}

Step Exchange::judged(std::string_view login, bool right) {
    if (!right) return Failure{Failed::wrong, std::string(login)};
    return Success{std::string(login)};
}

}  // namespace sims::sasl
