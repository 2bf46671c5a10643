// SASL, the server's side (RFC 4422), for every protocol that has AUTH: written once. One exchange as a
// value: decoded responses in, decoded challenges out; base64 and the protocol's words are the caller's.
// SCRAM (RFC 5802, 7677) and CRAM-MD5 (RFC 2195) are GNU SASL's, with secrets looked up in memory; PLAIN (RFC
// 4616) and LOGIN give the password to be checked elsewhere, since that takes long; the bearer mechanisms
// (RFC 7628, XOAUTH2) a token. Knows no account, no socket, no throttling.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sims::sasl {

enum class Mechanism { scram_sha_256_plus, scram_sha_256, cram_md5, plain, login, oauthbearer, xoauth2 };
std::string_view name_of(Mechanism mechanism);
std::optional<Mechanism> parse_mechanism(std::string_view name);  // case ignored

// What the connection has to offer.
struct Channel {
    bool is_encrypted = false;
    std::string tls_exporter{};       // RFC 9266, 32 raw bytes; empty: none
    bool takes_tokens = false;        // somebody judges bearer tokens
    bool has_shared_secrets = false;  // some account has one: CRAM-MD5 is worth offering
};
// Strongest first. PLAIN, LOGIN and tokens only when encrypted; -PLUS only with channel binding.
std::vector<Mechanism> mechanisms_for(const Channel& channel);

// What the server keeps for SCRAM in place of the password (RFC 5802 3).
struct ScramKeys {
    std::uint32_t iterations = 0;
    std::string salt;        // raw bytes
    std::string stored_key;  // 32 raw bytes
    std::string server_key;  // 32 raw bytes
};
constexpr std::uint32_t scram_iterations = 4096;
// Takes about a millisecond. Nothing for a password SASLprep (RFC 4013) refuses.
std::optional<ScramKeys> make_scram_keys(std::string_view password, std::string_view salt,
                                         std::uint32_t iterations = scram_iterations);

// Secrets by login name, answered from memory.
class Secrets {
public:
    virtual ~Secrets() = default;
    virtual std::optional<ScramKeys> scram_keys(std::string_view login) const = 0;
    virtual std::optional<std::string> shared_secret(std::string_view login) const = 0;
    // A salt for names without keys, the same each time for the same name: a stranger can't tell which exist.
    virtual std::string decoy_salt(std::string_view login) const = 0;
};

// What comes next.
struct Challenge {
    std::string bytes;  // may be empty
};
struct CheckPassword {  // then judged()
    std::string login;
    std::string password;
};
struct CheckToken {     // then judged()
    std::string login;  // may be empty: the token says who
    std::string token;
};
struct Success {
    std::string login;
};
enum class Failed { wrong, malformed };  // wrong: credentials; malformed: not an exchange of this mechanism
struct Failure {
    Failed why;
    std::string login;  // as far as it was known
};
using Step = std::variant<Challenge, CheckPassword, CheckToken, Success, Failure>;

struct ExchangeLimits {
    static constexpr std::size_t response_max = 12'288;  // RFC 4954 4: base64 lines of 12,288 octets
    static constexpr std::size_t login_max = 512;
};

class Exchange {
public:
    // `secrets` must outlive it; `host` names the service in CRAM-MD5's challenge.
    Exchange(Mechanism mechanism, const Channel& channel, const Secrets& secrets, std::string host);
    ~Exchange();
    Exchange(Exchange&&) noexcept;
    Exchange& operator=(Exchange&&) noexcept;

    // The initial response, when the client sent one (also an empty one, "=").
    Step begin(std::optional<std::string_view> initial);
    Step on(std::string_view response);
    Step judged(std::string_view login, bool right);

    class Kind;

private:
    std::unique_ptr<Kind> kind_;
};

// Base64 as SASL profiles use it: one line, padding required. Nothing for anything else.
std::optional<std::string> decode_base64(std::string_view text);
std::string encode_base64(std::string_view bytes);

}  // namespace sims::sasl
