#include "mail/mbox.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace sims::mail {
namespace {

constexpr TimePoint noon{std::chrono::seconds(1795348800)};

std::string mailbox_form(std::string_view wire) {
    std::string out;
    append_mbox_quoted(out, wire);
    return out;
}

// Fed in pieces of the lengths given, round and round.
std::string wire_form(std::string_view stored, const std::vector<std::size_t>& pieces = {}) {
    MboxUnquoter unquoter;
    std::string out;
    for (std::size_t i = 0; !stored.empty(); ++i) {
        const std::size_t length =
            pieces.empty() ? stored.size() : std::min(stored.size(), pieces[i % pieces.size()] + 1);
        unquoter.feed(stored.substr(0, length), out);
        stored.remove_prefix(length);
    }
    unquoter.finish(out);
    return out;
}

// Lines made of what hurts.
rc::Gen<std::string> wire_messages() {
    const auto word =
        rc::gen::element<std::string>("From ", ">", ">From ", "F", "From", "rom ", "x", "", " ",
                                      std::string(1, '\0'), "\xff\x80", ".", "From: a", "\r\n", "\r\n\r\n");
    return rc::gen::map(rc::gen::container<std::vector<std::string>>(word),
                        [](const std::vector<std::string>& words) {
                            std::string message;
                            for (const auto& w : words) message += w;
                            return message;
                        });
}

TEST(Mbox, FromLineHasNoBlankInTheSender) {
    EXPECT_EQ(mbox_from_line({*Address::parse("joe@example.org")}, noon),
              "From joe@example.org Sun Nov 22 12:00:00 2026\n");
    EXPECT_EQ(mbox_from_line({}, noon), "From MAILER-DAEMON Sun Nov 22 12:00:00 2026\n");
    EXPECT_EQ(mbox_from_line({*Address::make("a b  c", "d.example")}, noon),
              "From \"a_b__c\"@d.example Sun Nov 22 12:00:00 2026\n");
}

TEST(Mbox, QuotesEveryFromLine) {
    EXPECT_EQ(mailbox_form("From a\r\n>From b\r\n>>From c\r\nFrom\r\n> From d\r\nfrom e\r\n xFrom f\r\n"),
              ">From a\n>>From b\n>>>From c\nFrom\n> From d\nfrom e\n xFrom f\n");
    EXPECT_EQ(mailbox_form(""), "");
    EXPECT_EQ(mailbox_form("no end"), "no end\n");
    EXPECT_EQ(mailbox_form("a\rb\nFrom c\r\n"), "a\rb\n>From c\n")
        << "a line of the mailbox is what ends in LF";
}

TEST(Mbox, RenderIsTheWholeMessage) {
    EXPECT_EQ(
        mbox_render({*Address::parse("a@b.example")}, noon, "Received: x\r\n", "Subject: y\r\n\r\nFrom z"),
        "From a@b.example Sun Nov 22 12:00:00 2026\nReturn-Path: <a@b.example>\nReceived: x\nSubject: "
        "y\n\n>From z\n\n");
    EXPECT_EQ(mbox_render({}, noon, "", ""),
              "From MAILER-DAEMON Sun Nov 22 12:00:00 2026\nReturn-Path: <>\n\n");
}

TEST(MboxUnquoter, TakesWhatOtherProgramsWrite) {
    EXPECT_EQ(wire_form("From here\n>Fro\n>From\n>>From x"), "From here\r\n>Fro\r\n>From\r\n>From x\r\n");
    EXPECT_EQ(wire_form("crlf\r\n\r\nlf\n\nend"), "crlf\r\n\r\nlf\r\n\r\nend\r\n");
    EXPECT_EQ(wire_form(""), "");
    EXPECT_EQ(wire_form(">"), ">\r\n");
    EXPECT_EQ(wire_form(">>>>"), ">>>>\r\n");
    EXPECT_EQ(wire_form("cr\r"), "cr\r\n");
}

TEST(MboxUnquoter, IsReadyForTheNextMessageAfterFinish) {
    MboxUnquoter unquoter;
    std::string out;
    unquoter.feed(">Fr", out);
    unquoter.finish(out);
    unquoter.feed(">From b\n", out);
    unquoter.finish(out);
    EXPECT_EQ(out, ">Fr\r\nFrom b\r\n");
}

TEST(MboxUnquoter, GivesBackWhatWasQuoted) {
    EXPECT_TRUE(rc::check("unquote(quote(x)) == x, in any pieces", [] {
        const auto wire = *wire_messages();
        const auto pieces =
            *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 9));
        const bool whole = wire.empty() || (wire.size() >= 2 && wire.substr(wire.size() - 2) == "\r\n");
        RC_ASSERT(wire_form(mailbox_form(wire), pieces) == (whole ? wire : wire + "\r\n"));
    }));
}

TEST(MboxUnquoter, PiecesDoNotMatter) {
    EXPECT_TRUE(rc::check("any stored bytes, any pieces", [] {
        auto stored = *wire_messages();
        const auto pieces =
            *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 5));
        std::replace(stored.begin(), stored.end(), 'x', '\r');
        RC_ASSERT(wire_form(stored, pieces) == wire_form(stored));
    }));
}

}  // namespace
}  // namespace sims::mail
