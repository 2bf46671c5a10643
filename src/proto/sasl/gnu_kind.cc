// SCRAM and CRAM-MD5 by GNU SASL.
#include <gsasl.h>

#include "base/bytes.h"
#include "base/check.h"
#include "proto/sasl/kinds.h"

namespace sims::sasl {

namespace {

Gsasl* library();

class Gnu final : public Exchange::Kind {
public:
    Gnu(Mechanism mechanism, const Channel& channel, const Secrets& secrets, std::string host)
        : mechanism_(mechanism),
          secrets_(secrets),
          exporter_(encode_base64(channel.tls_exporter)),
          host_(std::move(host)) {
        const std::string name(name_of(mechanism));
        check(gsasl_server_start(library(), name.c_str(), &session_) == GSASL_OK,
              "GNU SASL lacks a mechanism");
        gsasl_session_hook_set(session_, this);
    }
    ~Gnu() override { gsasl_finish(session_); }
    Gnu(const Gnu&) = delete;
    Gnu& operator=(const Gnu&) = delete;

    static int ask(Gsasl*, Gsasl_session* session, Gsasl_property property) {
        return static_cast<Gnu*>(gsasl_session_hook_get(session))->answer(property);
    }

    Step begin(std::optional<std::string_view> initial) override {
        if (mechanism_ == Mechanism::cram_md5) {
            // RFC 2195: the server speaks first.
            if (initial && !initial->empty()) return Failure{Failed::malformed, {}};
            return step({});
        }
        if (!initial) return Challenge{};
        return on(*initial);
    }
    Step on(std::string_view response) override {
        if (proved_) {
            // The client has seen the server's proof and agrees with an empty response (RFC 4422 4, RFC 5802
            // 5).
            if (!response.empty()) return Failure{Failed::malformed, login_};
            return Success{login_};
        }
        return step(response);
    }

private:
    Step step(std::string_view response) {
        char* output = nullptr;
        std::size_t length = 0;
        const int result = gsasl_step(session_, response.data(), response.size(), &output, &length);
        std::string bytes(output == nullptr ? "" : output, output == nullptr ? 0 : length);
        gsasl_free(output);
        if (const char* login = gsasl_property_fast(session_, GSASL_AUTHID)) login_ = login;
        if (result == GSASL_NEEDS_MORE) return Challenge{std::move(bytes)};
        if (result != GSASL_OK) {
            const bool is_wrong =
                result == GSASL_AUTHENTICATION_ERROR || result == GSASL_NO_PASSWORD || !known_;
            return Failure{is_wrong ? Failed::wrong : Failed::malformed, login_};
        }
        const char* other = gsasl_property_fast(session_, GSASL_AUTHZID);
        const bool acts_for_another = other != nullptr && *other != '\0' && login_ != other;
        if (!known_ || !is_login(login_) || acts_for_another) return Failure{Failed::wrong, login_};
        if (bytes.empty()) return Success{login_};
        proved_ = true;
        return Challenge{std::move(bytes)};
    }

    int answer(Gsasl_property property) {
        const char* login = gsasl_property_fast(session_, GSASL_AUTHID);
        switch (property) {
            case GSASL_SERVICE: return set(property, "smtp");
            case GSASL_HOSTNAME: return set(property, host_);
            case GSASL_CB_TLS_EXPORTER:
                if (exporter_.empty()) return GSASL_NO_CB_TLS_EXPORTER;
                return set(property, exporter_);
            case GSASL_CB_TLS_UNIQUE: return GSASL_NO_CB_TLS_UNIQUE;
            case GSASL_PASSWORD: {
                const auto secret = login == nullptr ? std::nullopt : secrets_.shared_secret(login);
                known_ = secret.has_value();
                if (!secret) return GSASL_NO_PASSWORD;
                return set(property, *secret);
            }
            case GSASL_SCRAM_ITER:
            case GSASL_SCRAM_SALT:
            case GSASL_SCRAM_STOREDKEY:
            case GSASL_SCRAM_SERVERKEY: return login == nullptr ? GSASL_NO_CALLBACK : set_keys(login);
            default: return GSASL_NO_CALLBACK;  // the library's list grows; it copes with what we do not know
        }
    }

    int set(Gsasl_property property, const std::string& value) {
        return gsasl_property_set(session_, property, value.c_str());
    }

    int set_keys(const char* login) {
        auto keys = secrets_.scram_keys(login);
        known_ = keys.has_value();
        if (!keys) {
            // No such account: go on as if there were, and fail at the proof like a wrong password.
            keys = ScramKeys{scram_iterations, secrets_.decoy_salt(login), std::string(32, '\0'),
                             std::string(32, '\0')};
        }
        set(GSASL_SCRAM_ITER, std::to_string(keys->iterations));
        set(GSASL_SCRAM_SALT, encode_base64(keys->salt));
        set(GSASL_SCRAM_STOREDKEY, encode_base64(keys->stored_key));
        return set(GSASL_SCRAM_SERVERKEY, encode_base64(keys->server_key));
    }

    Mechanism mechanism_;
    const Secrets& secrets_;
    std::string exporter_;
    std::string host_;
    Gsasl_session* session_ = nullptr;
    std::string login_;
    bool known_ = false;
    bool proved_ = false;
};

// GNU SASL's handle holds no state between sessions; one for the process, made at first use. The callback
// belongs to the handle; a session finds its own object by its hook.
Gsasl* library() {
    static Gsasl* const context = [] {
        Gsasl* made = nullptr;
        check(gsasl_init(&made) == GSASL_OK, "GNU SASL does not start");
        gsasl_callback_set(made, &Gnu::ask);
        return made;
    }();
    return context;
}

}  // namespace

std::unique_ptr<Exchange::Kind> make_gnu(Mechanism mechanism, const Channel& channel, const Secrets& secrets,
                                         std::string host) {
    return std::make_unique<Gnu>(mechanism, channel, secrets, std::move(host));
}

}  // namespace sims::sasl
