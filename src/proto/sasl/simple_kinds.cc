// The mechanisms that hand over what the client knows: PLAIN, LOGIN, bearer tokens.
#include "base/text.h"
#include "proto/sasl/kinds.h"

namespace sims::sasl {

namespace {

Failure malformed() { return {Failed::malformed, {}}; }

// RFC 4616: [authzid] NUL authcid NUL passwd
class Plain final : public Exchange::Kind {
public:
    Step begin(std::optional<std::string_view> initial) override {
        if (!initial) return Challenge{};
        return on(*initial);
    }
    Step on(std::string_view response) override {
        const auto parts = split(response, '\0');
        if (parts.size() != 3 || !is_login(parts[1]) || parts[2].empty()) return malformed();
        // Nobody acts for somebody else here.
        if (!parts[0].empty() && parts[0] != parts[1]) return Failure{Failed::wrong, std::string(parts[1])};
        return CheckPassword{std::string(parts[1]), std::string(parts[2])};
    }
};

// No standard; draft-murchison-sasl-login and every Outlook: two questions, two answers.
class Login final : public Exchange::Kind {
public:
    Step begin(std::optional<std::string_view> initial) override {
        if (!initial) return Challenge{"Username:"};
        return on(*initial);
    }
    Step on(std::string_view response) override {
        if (login_.empty()) {
            if (!is_login(response)) return malformed();
            login_ = response;
            return Challenge{"Password:"};
        }
        if (response.empty() || response.find('\0') != std::string_view::npos) return malformed();
        return CheckPassword{std::move(login_), std::string(response)};
    }

private:
    std::string login_;
};

// RFC 7628 3.1 "n,a=USER,\1host=...\1auth=Bearer TOKEN\1\1" and XOAUTH2's "user=USER\1auth=Bearer TOKEN\1\1".
class Bearer final : public Exchange::Kind {
public:
    Step begin(std::optional<std::string_view> initial) override {
        if (!initial) return Challenge{};
        return on(*initial);
    }
    Step on(std::string_view response) override {
        CheckToken check;
        for (const auto part : split(response, '\1')) {
            if (part.starts_with("n,a=")) {
                const auto name = part.substr(4);
                check.login = name.substr(0, name.find(','));
            } else if (part.starts_with("user=")) {
                check.login = part.substr(5);
            } else if (starts_with_ignoring_case(part, "auth=Bearer ")) {
                check.token = trim(part.substr(12));
            }
        }
        if (check.token.empty() || (!check.login.empty() && !is_login(check.login))) return malformed();
        return check;
    }
};

}  // namespace

bool is_login(std::string_view text) {
    if (text.empty() || text.size() > ExchangeLimits::login_max) return false;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
    }
    return true;
}

std::unique_ptr<Exchange::Kind> make_plain() { return std::make_unique<Plain>(); }
std::unique_ptr<Exchange::Kind> make_login() { return std::make_unique<Login>(); }
std::unique_ptr<Exchange::Kind> make_bearer() { return std::make_unique<Bearer>(); }

}  // namespace sims::sasl
