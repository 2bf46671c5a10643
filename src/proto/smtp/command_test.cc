#include "proto/smtp/command.h"

#include <limits>

#include <gtest/gtest.h>

namespace sims::smtp {
namespace {

template <class T>
T parsed(std::string_view line) {
    const auto result = parse_command(line);
    if (const auto* error = std::get_if<ParseError>(&result)) {
        ADD_FAILURE() << line << ": " << error->reply.one_line();
        return T{};
    }
    const auto* command = std::get_if<T>(&std::get<Command>(result));
    if (!command) {
        ADD_FAILURE() << line << ": another command";
        return T{};
    }
    return *command;
}

RcptTo recipient(std::string_view line) {
    auto result = parse_command(line);
    return std::get<RcptTo>(std::get<Command>(std::move(result)));
}

std::string refusal(std::string_view line) {
    const auto result = parse_command(line);
    const auto* error = std::get_if<ParseError>(&result);
    return error ? error->reply.one_line().substr(0, 9) : "a command";
}

TEST(Command, verbs_have_no_case) {
    parsed<Data>("data");
    parsed<Reset>("RsEt");
    parsed<Quit>("QUIT  \t");
    parsed<Noop>("NOOP whatever it is");
    parsed<Help>("HELP MAIL");
    parsed<Verify>("VRFY bob");
    parsed<StartTls>("starttls");
    EXPECT_EQ(parsed<Auth>("AUTH PLAIN").mechanism, "PLAIN");
    EXPECT_FALSE(parsed<Auth>("AUTH PLAIN").initial);
    EXPECT_EQ(parsed<Auth>("auth plain =").initial, "=");
    EXPECT_EQ(parsed<Unavailable>("ETRN example.org").verb, "ETRN");
    EXPECT_EQ(parsed<Unavailable>("EXPN list").verb, "EXPN");
}

TEST(Command, what_is_no_command_is_refused) {
    for (const auto* line : {"", " NOOP", "NOO", "NOOPS", "GET / HTTP/1.1", "STARTTLSX", "D\xc3\x84TA"})
        EXPECT_EQ(refusal(line), "500 5.5.1") << line;
    EXPECT_EQ(refusal(std::string("DATA\0", 5)), "500 5.5.1");
    EXPECT_EQ(refusal(std::string(4095, 'x')), "500 5.5.2");
    for (const auto* line : {"DATA x", "RSET x", "QUIT x", "STARTTLS x", "VRFY", "HELO", "EHLO "})
        EXPECT_EQ(refusal(line), "501 5.5.4") << line;
}

TEST(Command, hello) {
    EXPECT_EQ(parsed<Hello>("EHLO mail.example.org").name, "mail.example.org");
    EXPECT_TRUE(parsed<Hello>("ehlo [IPv6:::1]").extended);
    EXPECT_FALSE(parsed<Hello>("HELO  desk_98 ").extended);
    EXPECT_EQ(parsed<Hello>("HELO " + std::string(255, 'x')).name.size(), 255U);
    for (const auto size : {256, 500, 896, 1000, 3000}) {
        EXPECT_EQ(refusal("HELO " + std::string(static_cast<std::size_t>(size), 'x')), "501 5.5.4");
    }
    EXPECT_EQ(refusal("EHLO a b"), "501 5.5.4");
    EXPECT_EQ(refusal("EHLO a\x01"), "501 5.5.4");
    EXPECT_EQ(refusal("EHLO a\rb"), "501 5.5.4");
    EXPECT_EQ(refusal("EHLO b\xc3\xbc"), "501 5.5.4");
}

TEST(Command, senders) {
    EXPECT_TRUE(parsed<MailFrom>("MAIL FROM:<>").sender.is_null());
    EXPECT_EQ(parsed<MailFrom>("mail from:<a@b.example>").sender.text(), "a@b.example");
    EXPECT_EQ(parsed<MailFrom>("MAIL FROM: <a@b.example>").sender.text(), "a@b.example");
    EXPECT_EQ(parsed<MailFrom>("MAIL FROM:<\"a>b c\\\"\"@b.example>").sender.address->local(), "a>b c\"");
    EXPECT_EQ(parsed<MailFrom>("MAIL FROM:<@one.example,@two.example:a@b.example>").sender.text(),
              "a@b.example");
    EXPECT_EQ(parsed<MailFrom>("MAIL FROM:<@[IPv6:::1]:a@b.example>").sender.text(), "a@b.example");
    for (const auto* line :
         {"MAIL FROM:a@b.example", "MAIL FROM:<a@b.example", "MAIL FROM:<a@b.example", "MAIL FROM:<a@b@c>",
          "MAIL FROM:<a b@c.example>", "MAIL FROM:<<a@b.example>>", "MAIL FROM:<@one.example:>x",
          "MAIL FROM:<@one.example>", "MAIL FROM:<\"a@b.example>", "MAIL FROM:<a>",
          "MAIL FROM:", "MAIL FROM:<a\x01@b.example>", "MAIL FROM:<a@b\r.example>"})
        EXPECT_EQ(refusal(line).substr(0, 3), "501") << line;
    EXPECT_EQ(refusal("MAIL"), "501 5.5.4");
    EXPECT_EQ(refusal("MAIL TO:<a@b.example>"), "501 5.5.4");
    EXPECT_EQ(refusal("MAIL FROM:<a@b.example>SIZE=1"), "501 5.5.4");
}

TEST(Command, parameters) {
    const auto mail = parsed<MailFrom>("MAIL FROM:<a@b.example>  size=12 Body=8bitmime  SMTPUTF8 ");
    EXPECT_EQ(mail.size, 12U);
    EXPECT_EQ(mail.body, mail::BodyType::eight_bit_mime);
    EXPECT_TRUE(mail.smtputf8);
    EXPECT_EQ(parsed<MailFrom>("MAIL FROM:<> BODY=7BIT").body, mail::BodyType::seven_bit);
    EXPECT_EQ(parsed<MailFrom>("MAIL FROM:<> SIZE=99999999999999999999").size,
              std::numeric_limits<std::uint64_t>::max());
    for (const auto* parameters :
         {"SIZE=", "SIZE", "SIZE=-1", "SIZE=1x", "SIZE=1 SIZE=1", "BODY=7BIT BODY=7BIT", "SMTPUTF8 SMTPUTF8",
          "SMTPUTF8=1", "BODY=BINARYMIME", "BODY", "SIZE=100000000000000000000"})
        EXPECT_EQ(refusal(std::string("MAIL FROM:<> ") + parameters), "501 5.5.4") << parameters;
    EXPECT_EQ(refusal("MAIL FROM:<> RET=HDRS"), "555 5.5.4");
    EXPECT_EQ(refusal("MAIL FROM:<> AUTH="), "501 5.5.4");
    EXPECT_EQ(refusal("RCPT TO:<a@b.example> NOTIFY=NEVER"), "555 5.5.4");
}

TEST(Command, utf8_addresses_need_smtputf8) {
    EXPECT_EQ(refusal("MAIL FROM:<b\xc3\xbc@b.example>"), "553 5.6.7");
    EXPECT_EQ(parsed<MailFrom>("MAIL FROM:<b\xc3\xbc@b.example> SMTPUTF8").sender.address->local(),
              "b\xc3\xbc");
    EXPECT_EQ(refusal("MAIL FROM:<b\xc3@b.example> SMTPUTF8"), "501 5.1.7");
    EXPECT_FALSE(recipient("RCPT TO:<b\xc3\xbc@b.example>").recipient.is_ascii());
}

TEST(Command, recipients) {
    EXPECT_EQ(recipient("RCPT TO:<a@b.example>").recipient.text(), "a@b.example");
    EXPECT_EQ(recipient("rcpt to: <@r.example:a%c@b.example> ").recipient.text(), "a%c@b.example");
    EXPECT_EQ(recipient("RCPT TO:<postMaster>").recipient.text(), "postMaster");
    EXPECT_EQ(recipient("RCPT TO:<a@[192.0.2.1]>").recipient.domain(), "[192.0.2.1]");
    for (const auto* line : {"RCPT TO:<>", "RCPT TO:<bob>", "RCPT TO:a@b.example", "RCPT TO:<a@>",
                             "RCPT TO:<@b.example>", "RCPT TO:<a@b..example>"})
        EXPECT_EQ(refusal(line).substr(0, 3), "501") << line;
}

TEST(Command, chunks) {
    EXPECT_EQ(parsed<Bdat>("BDAT 1000").size, 1000U);
    EXPECT_FALSE(parsed<Bdat>("BDAT 1000").last);
    EXPECT_TRUE(parsed<Bdat>("bdat 0 last").last);
    // Nobody knows how many octets follow: the conversation can't stay in step.
    for (const auto* line : {"BDAT", "BDAT x", "BDAT -1", "BDAT LAST", "BDAT 1 FIRST", "BDAT 1 LAST x"}) {
        const auto result = parse_command(line);
        const auto* error = std::get_if<ParseError>(&result);
        ASSERT_NE(error, nullptr) << line;
        EXPECT_EQ(error->after, AfterError::close) << line;
        EXPECT_EQ(error->reply.code, 501);
    }
}

}  // namespace
}  // namespace sims::smtp
