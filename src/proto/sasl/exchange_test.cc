#include "proto/sasl/exchange.h"

#include <gsasl.h>

#include <gtest/gtest.h>

namespace sims::sasl {
namespace {

class OneAccount final : public Secrets {
public:
    std::optional<ScramKeys> scram_keys(std::string_view login) const override {
        if (login != "joe") return std::nullopt;
        return make_scram_keys("pencil", "salt of sixteen.");
    }
    std::optional<std::string> shared_secret(std::string_view login) const override {
        if (login != "joe") return std::nullopt;
        return "pencil";
    }
    std::string decoy_salt(std::string_view login) const override {
        return "decoy for " + std::string(login);
    }
};

const OneAccount secrets;
const Channel encrypted{.is_encrypted = true,
                        .tls_exporter = std::string(32, 'x'),
                        .takes_tokens = true,
                        .has_shared_secrets = true};

// GNU SASL's own client, as the judge.
class Client {
public:
    Client(Mechanism mechanism, const std::string& login, const std::string& password,
           const std::string& exporter) {
        EXPECT_EQ(gsasl_init(&context_), GSASL_OK);
        EXPECT_EQ(gsasl_client_start(context_, std::string(name_of(mechanism)).c_str(), &session_), GSASL_OK);
        gsasl_property_set(session_, GSASL_AUTHID, login.c_str());
        gsasl_property_set(session_, GSASL_PASSWORD, password.c_str());
        if (!exporter.empty())
            gsasl_property_set(session_, GSASL_CB_TLS_EXPORTER, encode_base64(exporter).c_str());
    }
    ~Client() {
        gsasl_finish(session_);
        gsasl_done(context_);
    }
    // The client's next words, or nothing when it refuses the server's.
    std::optional<std::string> answer(std::string_view challenge) {
        char* output = nullptr;
        std::size_t length = 0;
        const int result = gsasl_step(session_, challenge.data(), challenge.size(), &output, &length);
        std::string bytes(output == nullptr ? "" : output, length);
        gsasl_free(output);
        if (result != GSASL_OK && result != GSASL_NEEDS_MORE) return std::nullopt;
        return bytes;
    }

private:
    Gsasl* context_ = nullptr;
    Gsasl_session* session_ = nullptr;
};

Step converse(Mechanism mechanism, const Channel& channel, const std::string& login,
              const std::string& password, const std::string& exporter = {}) {
    Exchange exchange(mechanism, channel, secrets, "mail.example.org");
    Client client(mechanism, login, password, exporter);
    auto step =
        mechanism == Mechanism::cram_md5 ? exchange.begin(std::nullopt) : exchange.begin(client.answer(""));
    for (int round = 0; round < 8; ++round) {
        if (const auto* challenge = std::get_if<Challenge>(&step)) {
            const auto response = client.answer(challenge->bytes);
            if (!response) return Failure{Failed::malformed, "client"};
            step = exchange.on(*response);
        } else if (const auto* check = std::get_if<CheckPassword>(&step)) {
            step = exchange.judged(check->login, check->password == "pencil");
        } else {
            return step;
        }
    }
    return Failure{Failed::malformed, "endless"};
}

TEST(Sasl, TheRightPasswordByEveryMechanism) {
    for (const auto mechanism :
         {Mechanism::plain, Mechanism::login, Mechanism::cram_md5, Mechanism::scram_sha_256}) {
        const auto step = converse(mechanism, encrypted, "joe", "pencil");
        const auto* success = std::get_if<Success>(&step);
        ASSERT_NE(success, nullptr) << name_of(mechanism);
        EXPECT_EQ(success->login, "joe");
    }
    const auto step =
        converse(Mechanism::scram_sha_256_plus, encrypted, "joe", "pencil", encrypted.tls_exporter);
    EXPECT_TRUE(std::holds_alternative<Success>(step));
}

TEST(Sasl, WrongPasswordsAndUnknownNamesFailAlike) {
    for (const auto mechanism : {Mechanism::plain, Mechanism::cram_md5, Mechanism::scram_sha_256}) {
        for (const auto* login : {"joe", "nobody"}) {
            const auto step =
                converse(mechanism, encrypted, login, login == std::string("joe") ? "pen" : "pen");
            const auto* failure = std::get_if<Failure>(&step);
            ASSERT_NE(failure, nullptr) << name_of(mechanism);
            EXPECT_EQ(failure->why, Failed::wrong) << name_of(mechanism) << ' ' << login;
        }
    }
}

TEST(Sasl, AManInTheMiddleHasAnotherChannel) {
    const auto step =
        converse(Mechanism::scram_sha_256_plus, encrypted, "joe", "pencil", std::string(32, 'y'));
    EXPECT_FALSE(std::holds_alternative<Success>(step));
}

TEST(Sasl, NothingThatShowsThePasswordInTheClear) {
    const auto offered = mechanisms_for({.is_encrypted = false, .has_shared_secrets = true});
    EXPECT_EQ(offered, (std::vector{Mechanism::scram_sha_256, Mechanism::cram_md5}));
    const auto all = mechanisms_for(encrypted);
    EXPECT_EQ(all.front(), Mechanism::scram_sha_256_plus);
    EXPECT_EQ(all.size(), 7U);
}

TEST(Sasl, PlainIsReadStrictly) {
    const auto first = [](std::string_view response) {
        Exchange exchange(Mechanism::plain, encrypted, secrets, "h");
        return exchange.begin(response);
    };
    using namespace std::literals;
    EXPECT_TRUE(std::holds_alternative<CheckPassword>(first("\0joe\0pencil"sv)));
    EXPECT_TRUE(std::holds_alternative<CheckPassword>(first("joe\0joe\0pencil"sv)));
    for (const auto bad :
         {""sv, "joe"sv, "\0joe"sv, "\0\0pencil"sv, "\0joe\0"sv, "\0joe\0a\0b"sv, "ann\0joe\0pencil"sv}) {
        EXPECT_TRUE(std::holds_alternative<Failure>(first(bad))) << bad;
    }
}

TEST(Sasl, BearerTokens) {
    const auto first = [](std::string_view response) {
        Exchange exchange(Mechanism::xoauth2, encrypted, secrets, "h");
        return exchange.begin(response);
    };
    auto step = first("user=joe\1auth=Bearer abc\1\1");
    ASSERT_TRUE(std::holds_alternative<CheckToken>(step));
    EXPECT_EQ(std::get<CheckToken>(step).login, "joe");
    EXPECT_EQ(std::get<CheckToken>(step).token, "abc");
    step = first("n,a=joe,\1host=h\1port=25\1auth=Bearer abc\1\1");
    ASSERT_TRUE(std::holds_alternative<CheckToken>(step));
    EXPECT_EQ(std::get<CheckToken>(step).login, "joe");
    EXPECT_TRUE(std::holds_alternative<Failure>(first("user=joe\1\1")));
}

TEST(Sasl, Base64IsStrict) {
    EXPECT_EQ(decode_base64("AGpvZQBwZW5jaWw="), std::string("\0joe\0pencil", 11));
    EXPECT_EQ(decode_base64(""), "");
    for (const auto* bad : {"A", "AGpv ZQ=", "AGpvZQ=A", "====", "A===", "AGpvZQB\n"}) {
        EXPECT_FALSE(decode_base64(bad)) << bad;
    }
    for (const auto* text : {"", "a", "ab", "abc", "abcd"})
        EXPECT_EQ(decode_base64(encode_base64(text)), text);
}

}  // namespace
}  // namespace sims::sasl
