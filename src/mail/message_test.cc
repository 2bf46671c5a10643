// Header reader, dates, trace fields and notices.
#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/text.h"
#include "mail/date.h"
#include "mail/delivery_status.h"
#include "mail/field_text.h"
#include "mail/header.h"
#include "mail/trace.h"

namespace sims::mail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr TimePoint noon{std::chrono::seconds(1795348800)};

Address address(std::string_view text) { return Address::parse(text).value(); }

std::vector<std::string> names(std::string_view message, std::size_t& body) {
    HeaderReader reader(message);
    std::vector<std::string> found;
    while (const auto field = reader.next()) found.emplace_back(field->name);
    body = reader.body_offset();
    return found;
}

std::size_t longest_line(std::string_view text) {
    std::size_t longest = 0;
    for (const auto line : split(text, '\n')) longest = std::max(longest, line.size());
    return longest;
}

TEST(Date, AsMailWritesIt) {
    EXPECT_EQ(message_date(noon), "Sun, 22 Nov 2026 12:00:00 +0000");
    EXPECT_EQ(mbox_date(noon), "Sun Nov 22 12:00:00 2026");
    const TimePoint early{std::chrono::seconds(5)};
    EXPECT_EQ(message_date(early), "Thu, 01 Jan 1970 00:00:05 +0000");
    EXPECT_EQ(mbox_date(early), "Thu Jan  1 00:00:05 1970");
    EXPECT_EQ(message_date(TimePoint{std::chrono::microseconds(-1)}), "Wed, 31 Dec 1969 23:59:59 +0000");
}

TEST(Header, WalksFieldsAndFindsTheBody) {
    std::size_t body = 0;
    const std::string message = "A: 1\r\nB : two\r\n\tmore\r\nC:\r\n\r\nD: body\r\n";
    EXPECT_THAT(names(message, body), ElementsAre("A", "B", "C"));
    EXPECT_EQ(message.substr(body), "D: body\r\n");
    EXPECT_EQ(header_value(message, "b"), "two\tmore");
    EXPECT_EQ(header_value(message, "C"), "");
    EXPECT_EQ(header_value(message, "D"), std::nullopt);
    EXPECT_THAT(names("A: 1\n\nx", body), ElementsAre("A"));
    EXPECT_EQ(body, 6u);
}

TEST(Header, StopsAtWhatIsNoField) {
    std::size_t body = 0;
    EXPECT_THAT(names("A: 1\r\nthis is body\r\nB: 2\r\n", body), ElementsAre("A"));
    EXPECT_EQ(body, 6u);
    EXPECT_THAT(names(" folded first\r\nA: 1\r\n", body), ElementsAre());
    EXPECT_EQ(body, 0u);
    EXPECT_THAT(names("", body), ElementsAre());
    EXPECT_THAT(names("A: end", body), ElementsAre("A"));
    EXPECT_EQ(body, 6u);
    EXPECT_THAT(names(": x\r\n", body), ElementsAre());
    EXPECT_THAT(names("A\xff: x\r\n", body), ElementsAre());
}

TEST(Header, CountsHops) {
    EXPECT_EQ(count_received("Received: a\r\nRECEIVED: b\r\n c\r\nX: Received: d\r\n\r\nReceived: e\r\n"),
              2u);
    EXPECT_EQ(count_received(""), 0u);
}

struct Received {
    Peer peer{.address = "192.0.2.1",
              .hello = "client.example",
              .extended = true,
              .tls = false,
              .tls_description = {},
              .account = {}};
    Envelope envelope;
    ReceivedField what{
        .by = "mail.example.org", .queue_id = "4F2A", .time = noon, .for_address = "joe@example.org"};
    std::string text() const { return received_field(peer, envelope, what); }
};

TEST(Trace, ReceivedSaysAllOfRfc5321) {
    EXPECT_EQ(Received().text(),
              "Received: from client.example ([192.0.2.1])\r\n\tby mail.example.org with ESMTP id 4F2A\r\n"
              "\tfor <joe@example.org>; Sun, 22 Nov 2026 12:00:00 +0000\r\n");
    Received plain;
    plain.peer.extended = false;
    plain.peer.address = "2001:DB8::1";
    plain.what.for_address.clear();
    EXPECT_EQ(plain.text(),
              "Received: from client.example ([IPv6:2001:db8::1])\r\n"
              "\tby mail.example.org with SMTP id 4F2A; Sun, 22 Nov 2026 12:00:00 +0000\r\n");
    EXPECT_EQ(received_field(Peer{}, Envelope{}, plain.what),
              "Received: by mail.example.org id 4F2A; Sun, 22 Nov 2026 12:00:00 +0000\r\n");
}

TEST(Trace, KeywordsOfRfc3848And6531) {
    Received r;
    const auto with = [&] {
        const auto text = r.text();
        const auto start = text.find("with ") + 5;
        return text.substr(start, text.find(' ', start) - start);
    };
    r.peer.tls = true;
    EXPECT_EQ(with(), "ESMTPS");
    r.peer.account = "joe";
    EXPECT_EQ(with(), "ESMTPSA");
    r.envelope.smtputf8 = true;
    EXPECT_EQ(with(), "UTF8SMTPSA");
    r.peer.tls = false;
    EXPECT_EQ(with(), "UTF8SMTPA");
    r.peer.account.clear();
    EXPECT_EQ(with(), "UTF8SMTP");
    r.envelope.smtputf8 = false;
    r.peer.account = "joe";
    EXPECT_EQ(with(), "ESMTPA");
}

TEST(Trace, StrangersWordsCannotForgeIt) {
    Received r;
    r.peer.hello = "a) by evil (x\r\nX-Evil: 1; \\";
    r.peer.tls = true;
    r.peer.tls_description = "TLS) \\(1.3\r\n";
    const auto text = r.text();
    HeaderReader reader(text);
    const auto field = reader.next();
    ASSERT_TRUE(field);
    EXPECT_EQ(field->whole, text) << "one field and no more";
    EXPECT_THAT(text, HasSubstr("from a??by?evil??x??X-Evil:?1??? ([192.0.2.1])"));
    EXPECT_THAT(text, HasSubstr("(TLS? ??1.3)"));
}

TEST(Trace, EightBitOnlyInMessagesThatMayHoldIt) {
    Received r;
    r.what.for_address = "j\xc3\xb6@example.org";
    r.peer.hello = "b\xc3\xbc.example";
    EXPECT_THAT(r.text(), Not(HasSubstr("\xc3")));
    EXPECT_THAT(r.text(), Not(HasSubstr("for <")));
    r.envelope.smtputf8 = true;
    EXPECT_THAT(r.text(), HasSubstr("for <j\xc3\xb6@example.org>"));
    EXPECT_THAT(r.text(), HasSubstr("from b\xc3\xbc.example"));
}

TEST(Trace, LinesStayShort) {
    Received r;
    r.peer.hello = std::string(2000, 'h');
    r.what.by = std::string(2000, 'b');
    r.what.for_address = std::string(800, 'f');
    EXPECT_LT(longest_line(r.text()), line_max);
    EXPECT_LE(longest_line(Received().text()), line_wanted);
    EXPECT_EQ(return_path_field({}), "Return-Path: <>\r\n");
    EXPECT_EQ(return_path_field({address("a@b.example")}), "Return-Path: <a@b.example>\r\n");
}

// A notice taken apart.
struct Notice {
    std::string text;
    std::string_view header;
    std::vector<std::string_view> parts;

    explicit Notice(const DeliveryStatus& status) : text(delivery_status_message(status)) {
        HeaderReader reader(text);
        while (reader.next()) {
        }
        header = std::string_view(text).substr(0, reader.body_offset());
        const std::string mark = "\r\n--" + status.boundary;
        std::size_t at = text.find(mark);
        while (at != std::string::npos) {
            const auto next = text.find(mark, at + mark.size());
            if (next == std::string::npos) break;
            const auto start = at + mark.size() + 2;
            parts.push_back(std::string_view(text).substr(start, next - start));
            at = next;
        }
    }
    std::string field(std::string_view name) const { return header_value(header, name).value_or("-"); }
    static std::string_view body(std::string_view part) {
        HeaderReader reader(part);
        while (reader.next()) {
        }
        return part.substr(reader.body_offset());
    }
};

DeliveryStatus failed_status() {
    DeliveryStatus status{.reporting_host = "mail.example.org",
                          .postmaster = "postmaster@example.org",
                          .to = address("sender@example.org"),
                          .arrived = noon,
                          .now = noon + std::chrono::hours(1),
                          .queue_id = "4F2A",
                          .boundary = "b1",
                          .recipients = {},
                          .original_header = "Subject: hello\r\nFrom: sender@example.org\r\n\r\n",
                          .original_is_utf8 = false};
    status.recipients.push_back({.action = FailedRecipient::Action::failed,
                                 .address = address("joe@example.net"),
                                 .status = "5.1.1",
                                 .remote_host = "mx.example.net [192.0.2.1]",
                                 .reply = "550 5.1.1 No such user",
                                 .will_retry_until = {}});
    return status;
}

TEST(Notice, IsAReportOfThreeParts) {
    const Notice notice(failed_status());
    EXPECT_EQ(notice.field("Content-Type"),
              "multipart/report; report-type=delivery-status;\tboundary=\"b1\"");
    EXPECT_EQ(notice.field("MIME-Version"), "1.0");
    EXPECT_EQ(notice.field("Auto-Submitted"), "auto-replied");
    EXPECT_EQ(notice.field("Message-ID"), "<4F2A.b1@mail.example.org>");
    EXPECT_EQ(notice.field("To"), "<sender@example.org>");
    EXPECT_EQ(notice.field("From"), "\"Mail Delivery System\" <postmaster@example.org>");
    EXPECT_EQ(notice.field("Date"), "Sun, 22 Nov 2026 13:00:00 +0000");
    EXPECT_EQ(notice.field("Subject"), "Your message could not be delivered");
    ASSERT_EQ(notice.parts.size(), 3u);
    EXPECT_EQ(header_value(notice.parts[0], "Content-Type"), "text/plain; charset=us-ascii");
    EXPECT_EQ(header_value(notice.parts[1], "Content-Type"), "message/delivery-status");
    EXPECT_EQ(header_value(notice.parts[2], "Content-Type"), "text/rfc822-headers");
    EXPECT_EQ(Notice::body(notice.parts[2]), "Subject: hello\r\nFrom: sender@example.org\r\n");
}

TEST(Notice, TellsPeopleAndPrograms) {
    const Notice notice(failed_status());
    const auto words = std::string(Notice::body(notice.parts[0]));
    EXPECT_THAT(words, HasSubstr("To <joe@example.net>:"));
    EXPECT_THAT(words, HasSubstr("mx.example.net [192.0.2.1] said:"));
    EXPECT_THAT(words, HasSubstr("550 5.1.1 No such user"));
    EXPECT_THAT(words, HasSubstr("typing errors"));
    const auto machine = Notice::body(notice.parts[1]);
    EXPECT_EQ(header_value(machine, "Reporting-MTA"), "dns; mail.example.org");
    EXPECT_EQ(header_value(machine, "Arrival-Date"), "Sun, 22 Nov 2026 12:00:00 +0000");
    const auto recipient = machine.substr(machine.find("\r\n\r\n") + 4);
    EXPECT_EQ(header_value(recipient, "Final-Recipient"), "rfc822; joe@example.net");
    EXPECT_EQ(header_value(recipient, "Action"), "failed");
    EXPECT_EQ(header_value(recipient, "Status"), "5.1.1");
    EXPECT_EQ(header_value(recipient, "Remote-MTA"), "dns; mx.example.net");
    EXPECT_EQ(header_value(recipient, "Diagnostic-Code"), "smtp; 550 5.1.1 No such user");
}

TEST(Notice, DelayedSaysHowLong) {
    auto status = failed_status();
    status.recipients[0].action = FailedRecipient::Action::delayed;
    status.recipients[0].status = "nonsense";
    status.recipients[0].reply = "connection timed out";
    status.recipients[0].will_retry_until = noon + std::chrono::hours(120);
    const Notice notice(status);
    EXPECT_EQ(notice.field("Subject"), "Your message is delayed");
    const auto machine = std::string(Notice::body(notice.parts[1]));
    EXPECT_THAT(machine, HasSubstr("Will-Retry-Until: Fri, 27 Nov 2026 12:00:00 +0000\r\n"));
    EXPECT_THAT(machine, HasSubstr("Status: 4.0.0\r\n"));
    EXPECT_THAT(machine, HasSubstr("Diagnostic-Code: x-sims; connection timed out\r\n"));
    EXPECT_THAT(notice.text, HasSubstr("Please do not send the message again."));
}

TEST(Notice, Utf8UsesTheGlobalTypes) {
    auto status = failed_status();
    status.recipients[0].address = address("j\xc3\xb6@example.net");
    status.original_is_utf8 = true;
    const Notice notice(status);
    EXPECT_EQ(header_value(notice.parts[0], "Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(header_value(notice.parts[1], "Content-Type"), "message/global-delivery-status");
    EXPECT_EQ(header_value(notice.parts[1], "Content-Transfer-Encoding"), "8bit");
    EXPECT_EQ(header_value(notice.parts[2], "Content-Type"), "message/global-headers");
    EXPECT_THAT(notice.text, HasSubstr("Final-Recipient: utf-8; j\xc3\xb6@example.net\r\n"));
    EXPECT_EQ(notice.field("Content-Transfer-Encoding"), "8bit");
}

TEST(Notice, HostileTextsStayInTheirPlace) {
    EXPECT_TRUE(rc::check("no field, part or long line is made by a stranger's words", [] {
        auto status = failed_status();
        const auto hostile = *rc::gen::element<std::string>(
            "550 x\r\n\r\n--b1\r\nX: y", "\n--b1--\n", std::string(3000, 'w'), std::string("a\0b\x7f\xff", 5),
            "--b1", "\r\nTo: <victim@example.com>\r\n");
        status.recipients[0].reply = hostile;
        status.recipients[0].remote_host = hostile;
        status.recipients[0].status = hostile;
        const bool in_header = *rc::gen::arbitrary<bool>();
        const std::string header = "Subject: " + hostile + "\r\n";
        if (in_header) status.original_header = header;
        const Notice notice(status);
        RC_ASSERT(notice.parts.size() == 3u);
        RC_ASSERT(longest_line(notice.text) < line_max);
        RC_ASSERT(notice.text.find('\0') == std::string::npos);
        RC_ASSERT(notice.field("To") == "<sender@example.org>");
        const auto lines = split(notice.text, '\n');
        RC_ASSERT(std::count(lines.begin(), lines.end(), "--b1\r") == 3);
        for (std::size_t i = 0; i + 1 < lines.size(); ++i)
            RC_ASSERT(!lines[i].empty() && lines[i].back() == '\r');
        RC_ASSERT(static_cast<std::size_t>(std::count(notice.text.begin(), notice.text.end(), '\r')) ==
                  lines.size() - 1);
    }));
}

TEST(FieldText, CutsWholeCharacters) {
    EXPECT_EQ(one_line("ab\xc3\xb6", Utf8::allowed, 3), "ab");
    EXPECT_EQ(one_line("ab\xc3\xb6", Utf8::allowed, 4), "ab\xc3\xb6");
    EXPECT_EQ(one_line("a\xff", Utf8::allowed), "a?");
    EXPECT_EQ(one_line("\xc3\xb6", Utf8::refused), "??");
    EXPECT_EQ(one_line("  a \r\n\tb\x01 ", Utf8::refused), "a b");
    EXPECT_EQ(one_line("", Utf8::refused), "");
}

}  // namespace
}  // namespace sims::mail
