#include "route/router.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "route/pattern_index.h"
#include "route/router_fixture.h"

namespace sims::route {
namespace {

using testing::HasSubstr;

TablePointer table(std::string_view text) { return Table::compile(text).value(); }

std::string routed(const TablePointer& by, std::string_view address, const World& world = World()) {
    return told(by->route(mail::Address::parse(address).value(), world));
}

constexpr std::string_view main_table = R"(; the table of the tests
<sales>            = joe
<Info>             = joe, ann@second.example, partner@partner.example
<team>             = L-team                       ; a nicer name
<away>             = joe@partner.example
<gone>             = NULL
<hole>             = blackhole
<no>               = ERROR
<closed>           = ERROR:Closed, for ever
<coded>            = error:5.1.6 Moved
<trap>             = spamtrap
<loop1>            = loop2
<loop2>            = loop1
<fan>              = fan, fan
<list-*>           = L-team
<x-*-y>            = *@partner.example
<to-*>             = user@*
Relay:<open-*>     = user@*
NoRelay:<shut>     = joe@partner.example
<out>              = "odd name"@partner.example
<lost>             = nobody
<half>             = nobody, joe
<rel>              = a%b.example@gate.example.smtp
<gate>             = inner.example:2525.smtp
<sales@example.org>= L-team                       ; never: <sales> stands above
<only@example.org> = joe
<abroad@foreign.example> = joe
<*@all.foreign.example>  = *@partner.example
<ceo@*.branch.example>   = joe
sp.client.com      = sp.client.com.smtp
*.client.com       = <local>Client
uni.example        = Client.local
old.example        = example.org
renamed.example    = renamed.partner.example
backup.example     = mx.backup.example.smtp
port.example       = mx.port.example:2525.smtp
ip.example         = [198.51.100.7].smtp
NoRelay:quiet.example = quiet.example.smtp
*.wild.example     = hub.wild.example.smtp
Relay:*.openwild.example = hub.wild.example.smtp
*.map.example      = *.partner.example
banned.example     = ERROR:Not from there
[198.51.100.9]     = joe.local
10.0.0.*           = ERROR
Bücher.example     = joe.local
)";

struct Case {
    std::string_view address, expected;
};

// Who is judged here is a stranger: "relay" at the end says that he may send there.
constexpr std::array cases{
    // Local names.
    Case{"joe@example.org", "account Joe relay"},
    Case{"JOE@EXAMPLE.ORG", "account Joe relay"},
    Case{"joe", "account Joe relay"},
    Case{"joe@example.org.", "account Joe relay"},
    Case{"\"joe\"@example.org", "account Joe relay"},
    Case{"ann.lee@example.org", "account ann.lee relay"},
    Case{"nobody@example.org", "refuse 5.1.1"},
    Case{"L-team@example.org", "mirror L-team relay"},
    Case{"joe+tag@example.org", "account Joe relay"},
    Case{"joe+a+b@example.org", "account Joe relay"},
    Case{"sales+tag@example.org", "account Joe relay"},
    Case{"tagged+name@example.org", "account tagged+name relay"},
    Case{"nobody+joe@example.org", "refuse 5.1.1"},
    Case{"+joe@example.org", "refuse 5.1.1"},
    Case{"\"\"@example.org", "refuse 5.1.1"},
    // Default records.
    Case{"Postmaster", "account Postmaster relay"},
    Case{"postmaster@example.org", "account Postmaster relay"},
    Case{"abuse@example.org", "account Postmaster relay"},
    Case{"ROOT", "account Postmaster relay"},
    Case{"MAILER-DAEMON@example.org", "account Postmaster relay"},
    Case{"hostmaster", "account Postmaster relay"},
    Case{"webmaster@[192.0.2.1]", "account Postmaster relay"},
    // Own addresses.
    Case{"joe@[192.0.2.1]", "account Joe relay"},
    Case{"joe@192.0.2.1", "account Joe relay"},
    Case{"joe@[192.000.002.001]", "account Joe relay"},
    Case{"joe@[127.0.0.1]", "account Joe relay"},
    Case{"joe@127.0.0.1", "account Joe relay"},
    Case{"joe@0.0.0.0", "account Joe relay"},
    Case{"joe@[IPv6:2001:DB8:0::1]", "account Joe relay"},
    Case{"joe@[IPv6:::1]", "account Joe relay"},
    Case{"joe@[IPv6:::ffff:127.0.0.1]", "account Joe relay"},
    // Local aliases.
    Case{"sales@example.org", "account Joe relay"},
    Case{"SALES", "account Joe relay"},
    Case{"team@example.org", "mirror L-team relay"},
    Case{"info@example.org",
         "account Joe + account Ann@second.example + smtp partner.example <partner@partner.example> relay"},
    Case{"away@example.org", "smtp partner.example <joe@partner.example> relay"},
    Case{"shut@example.org", "smtp partner.example <joe@partner.example>"},
    Case{"gone@example.org", "discard relay"},
    Case{"hole@example.org", "discard relay"},
    Case{"no@example.org", "refuse 5.7.1"},
    Case{"closed@example.org", "refuse 5.7.1"},
    Case{"coded@example.org", "refuse 5.1.6"},
    Case{"trap@example.org", "spamtrap relay"},
    Case{"loop1@example.org", "refuse 5.4.6"},
    Case{"fan@example.org", "refuse 5.1.1"},
    Case{"list-anything@example.org", "mirror L-team relay"},
    Case{"list-@example.org", "mirror L-team relay"},
    Case{"X-Mid-y@example.org", "smtp partner.example <Mid@partner.example> relay"},
    Case{"out@example.org", "smtp partner.example <\"odd name\"@partner.example> relay"},
    Case{"lost@example.org", "refuse 5.1.1"},
    Case{"half@example.org", "account Joe relay"},
    Case{"rel@example.org", "smtp gate.example <a@b.example> relay"},
    Case{"gate@example.org", "smtp inner.example:2525 <gate@example.org> relay"},
    Case{"only@example.org", "account Joe relay"},
    Case{"only", "refuse 5.1.1"},
    // The sender picks the host by what '*' stands for: only "Relay:" may allow that.
    Case{"to-evil.example@example.org", "smtp evil.example <user@evil.example>"},
    Case{"open-evil.example@example.org", "smtp evil.example <user@evil.example> relay"},
    Case{"to-!!@example.org", "refuse 5.1.3"},
    // Further domains.
    Case{"ann@second.example", "account Ann@second.example relay"},
    // Foreign domains.
    Case{"user@foreign.example", "smtp foreign.example <user@foreign.example>"},
    Case{"User@Foreign.Example.", "smtp foreign.example <User@Foreign.Example>"},
    Case{"user@nodots", "refuse 5.1.2"},
    Case{"user@[203.0.113.5]", "smtp [203.0.113.5] <user@[203.0.113.5]>"},
    Case{"user@203.0.113.5", "smtp [203.0.113.5] <user@[203.0.113.5]>"},
    Case{"user@[IPv6:2001:db8::2]", "smtp [2001:db8::2] <user@[IPv6:2001:db8::2]>"},
    Case{"abroad@foreign.example", "account Joe relay"},
    Case{"Who@all.foreign.example", "smtp partner.example <Who@partner.example> relay"},
    Case{"ceo@north.branch.example", "account Joe unified relay"},
    Case{"cfo@north.branch.example", "smtp north.branch.example <cfo@north.branch.example>"},
    Case{"\"ceo@x\"@north.branch.example", "smtp north.branch.example <\"ceo@x\"@north.branch.example>"},
    // Domain records.
    Case{"user@sp.client.com", "smtp sp.client.com <user@sp.client.com> relay"},
    Case{"user@SP.Client.COM", "smtp sp.client.com <user@SP.Client.COM> relay"},
    Case{"user@any.client.com", "account Client unified relay"},
    Case{"user@client.com", "smtp client.com <user@client.com>"},
    Case{"user@uni.example", "account Client unified relay"},
    Case{"joe@old.example", "account Joe relay"},
    Case{"nobody@old.example", "refuse 5.1.1"},
    Case{"user@renamed.example", "smtp renamed.partner.example <user@renamed.partner.example> relay"},
    Case{"user@backup.example", "smtp mx.backup.example <user@backup.example> relay"},
    Case{"user@port.example", "smtp mx.port.example:2525 <user@port.example> relay"},
    Case{"user@ip.example", "smtp [198.51.100.7] <user@ip.example> relay"},
    Case{"user@quiet.example", "smtp quiet.example <user@quiet.example>"},
    Case{"user@a.wild.example", "smtp hub.wild.example <user@a.wild.example>"},
    Case{"user@a.openwild.example", "smtp hub.wild.example <user@a.openwild.example> relay"},
    Case{"user@a.b.map.example", "smtp a.b.partner.example <user@a.b.partner.example>"},
    Case{"user@banned.example", "refuse 5.7.1"},
    Case{"user@[198.51.100.9]", "account Joe unified relay"},
    Case{"user@198.51.100.9", "account Joe unified relay"},
    Case{"user@B\xc3\x9c"
         "CHER.example",
         "account Joe unified relay"},
    Case{"user@xn--bcher-kva.example", "account Joe unified relay"},
    // Percent, bang and mixtures that end here.
    Case{"joe%example.org@example.org", "account Joe relay"},
    Case{"example.org!joe@example.org", "account Joe relay"},
    Case{"joe%example.org%example.org@[127.0.0.1]", "account Joe relay"},
    Case{"ann%second.example@example.org", "account Ann@second.example relay"},
    // Attempts at relaying: never "relay".
    Case{"user%victim.example@example.org", "smtp victim.example <user@victim.example>"},
    Case{"user%victim.example@EXAMPLE.ORG.", "smtp victim.example <user@victim.example>"},
    Case{"user%victim.example@[192.0.2.1]", "smtp victim.example <user@victim.example>"},
    Case{"user%victim.example@127.0.0.1", "smtp victim.example <user@victim.example>"},
    Case{"user%victim.example", "smtp victim.example <user@victim.example>"},
    Case{"\"user%victim.example\"@example.org", "smtp victim.example <user@victim.example>"},
    Case{"victim.example!user@example.org", "smtp victim.example <user@victim.example>"},
    Case{"victim.example!user", "smtp victim.example <user@victim.example>"},
    Case{"a.example!victim.example!user@example.org", "smtp a.example <victim.example!user@a.example>"},
    Case{"user%victim.example%a.example@example.org", "smtp a.example <user%victim.example@a.example>"},
    Case{"victim.example!user%a.example@example.org", "smtp victim.example <user%a.example@victim.example>"},
    Case{"user%victim.example@second.example", "smtp victim.example <user@victim.example>"},
    Case{"victim.example!user@second.example", "smtp victim.example <user@victim.example>"},
    Case{"user%victim.example@old.example", "smtp victim.example <user@victim.example>"},
    Case{"\"user@victim.example\"@example.org", "refuse 5.1.1"},
    Case{"\"user@victim.example\"", "refuse 5.1.1"},
    Case{"\"user@victim.example\"@[127.0.0.1]", "refuse 5.1.1"},
    Case{"\"@a.example:user@victim.example\"@example.org", "refuse 5.1.1"},
    Case{"\"user@victim.example%second.example\"@example.org", "refuse 5.1.1"},
    Case{"\"<user@victim.example>\"@example.org", "refuse 5.1.1"},
    Case{"\"victim.example!user@x\"@example.org", "refuse 5.1.1"},
    Case{"\"user%victim.example \"@example.org", "refuse 5.1.1"},
    Case{"user%victim.example@backup.example", "smtp mx.backup.example <user%victim.example@backup.example>"},
    Case{"victim.example!user@backup.example", "smtp mx.backup.example <victim.example!user@backup.example>"},
    Case{"\"user@victim.example\"@backup.example",
         "smtp mx.backup.example <\"user@victim.example\"@backup.example>"},
    Case{"x-user%victim.example-y@example.org", "smtp victim.example-y <x-user@victim.example-y>"},
    Case{"user%victim.example@all.foreign.example",
         "smtp partner.example <user%victim.example@partner.example>"},
    Case{"user%victim.example@foreign.example.smtp", "smtp foreign.example <user@victim.example>"},
    Case{"user@victim.example.smtp", "smtp victim.example <user@victim.example>"},
    Case{"user@backup.example.smtp", "smtp backup.example <user@backup.example>"},
    Case{"user%victim.example@[203.0.113.5]", "smtp [203.0.113.5] <user@victim.example>"},
    Case{"user%victim.example@example.org.smtp", "refuse 5.4.6"},
    Case{"user%victim.example+x@example.org", "smtp victim.example <user@victim.example>"},
    Case{"j\xc3\xb6%victim.example@example.org", "smtp victim.example <j\xc3\xb6@victim.example>"},
    Case{"user%b\xc3\xbc"
         "cher.test@example.org",
         "smtp xn--bcher-kva.test <user@b\xc3\xbc"
         "cher.test>"},
    Case{"joe%wakeup@example.org", "refuse 5.1.2"},
    Case{"%victim.example@example.org", "refuse 5.1.1"},
    Case{"user%@example.org", "refuse 5.1.1"},
    Case{"50%off@example.org", "refuse 5.1.2"},
    Case{"!user@example.org", "refuse 5.1.1"},
};

TEST(Router, RoutesEachAddress) {
    const auto by = table(main_table);
    for (const auto& c : cases) EXPECT_EQ(routed(by, c.address), c.expected) << c.address;
}

TEST(Router, AttemptsEndTheSameWithoutATable) {
    const auto by = table("");
    for (const auto& c : cases) {
        const auto route = by->route(mail::Address::parse(c.address).value(), World());
        for (const auto& result : route.results) {
            EXPECT_FALSE(route.relay && result.kind == ResultKind::smtp) << c.address;
        }
    }
}

TEST(Router, AddressesThatAreNoneNeverGetHere) {
    using namespace std::string_view_literals;
    for (const auto text :
         {"user@victim.example@example.org"sv, "@example.org:user@victim.example"sv,
          "joe\0%victim.example@example.org"sv, "joe@example.org\0.victim.example"sv,
          "user@victim.example\r\nRCPT TO:<x>"sv, "j\xff@example.org"sv, "joe@example.org.."sv}) {
        EXPECT_FALSE(mail::Address::parse(text)) << text;
    }
}

TEST(Router, TellsTheSteps) {
    const auto by = table("; one\n\n<sales> = joe\nold.example = example.org\n<team> = L-team\n");
    const auto steps = [&](std::string_view address) {
        std::string text;
        for (const auto& s : by->route(mail::Address::parse(address).value(), World()).steps) {
            text += std::string(s.by) + (s.line == 0 ? "" : " " + std::to_string(s.line)) + " -> " +
                    s.address + "; ";
        }
        return text;
    };
    EXPECT_EQ(steps("sales%old.example@example.org"),
              "own-domain -> sales%old.example; parser -> sales@old.example; record 4 -> sales@example.org; "
              "own-domain -> sales; record 3 -> joe; ");
    EXPECT_EQ(steps("abuse"), "default-record -> Postmaster; ");
    EXPECT_EQ(steps("team"), "record 5 -> L-team; mirror -> L-team; ");
    EXPECT_EQ(steps("nobody"), "unknown -> nobody; ");
    EXPECT_EQ(steps("user@foreign.example"), "");
}

TEST(Router, UnknownNamesGoToUnknownThenToItsMirror) {
    World world;
    const auto by = table("<lost> = nowhere");
    EXPECT_EQ(routed(by, "nobody", world), "refuse 5.1.1");
    world.accounts["l-unknown"] = "L-Unknown";
    EXPECT_EQ(routed(by, "nobody", world), "mirror L-Unknown relay");
    world.accounts["unknown"] = "Unknown";
    EXPECT_EQ(routed(by, "nobody", world), "account Unknown unified relay");
    EXPECT_EQ(routed(by, "lost", world), "account Unknown unified relay");
    EXPECT_EQ(routed(by, "\"user@victim.example\"@example.org", world), "account Unknown unified relay");
    EXPECT_EQ(routed(by, "joe", world), "account Joe relay");
    EXPECT_EQ(routed(by, "nobody@second.example", world), "refuse 5.1.1")
        << "each domain has its own Unknown";
    EXPECT_EQ(routed(by, "user%victim.example", world), "smtp victim.example <user@victim.example>");
}

TEST(Router, PostmasterMissingIsUnknown) {
    World world;
    world.accounts.erase("postmaster");
    const auto by = table("");
    EXPECT_EQ(routed(by, "postmaster", world), "refuse 5.1.1");
    EXPECT_EQ(routed(by, "abuse", world), "refuse 5.1.1");
    world.accounts["abuse"] = "abuse";
    EXPECT_EQ(routed(by, "abuse", world), "account abuse relay");
}

TEST(Router, FurtherDomainsAreNamedByTheirRecords) {
    const auto open = table("* = <local>Client\n<*> = joe\n*.example = away.test");
    EXPECT_EQ(routed(open, "ann@second.example"), "account Ann@second.example relay");
    EXPECT_EQ(routed(open, "nobody@second.example"), "refuse 5.1.1");
    EXPECT_EQ(routed(open, "L-club@second.example"), "mirror L-club@second.example relay");
    EXPECT_EQ(routed(open, "postmaster@second.example"), "account Joe unified relay")
        << "<*> is above the defaults";
    EXPECT_EQ(routed(open, "nobody"), "account Joe unified relay");
    const auto named = table("<sales@second.example> = ann\n<*@second.example> = *@partner.example");
    EXPECT_EQ(routed(named, "sales@second.example"), "smtp partner.example <ann@partner.example> relay");
    EXPECT_EQ(routed(table("second.example = example.org"), "joe@second.example"), "account Joe relay");
    EXPECT_EQ(routed(table(""), "abuse@second.example"), "account Postmaster relay");
    EXPECT_EQ(routed(table(""), "ann+x@second.example"), "account Ann@second.example relay");
}

TEST(Router, FirstMatchFromTheTopWins) {
    EXPECT_EQ(routed(table("*.a.example = ERROR\nx.a.example = NULL"), "u@x.a.example"), "refuse 5.7.1");
    EXPECT_EQ(routed(table("x.a.example = NULL\n*.a.example = ERROR"), "u@x.a.example"), "discard relay");
    EXPECT_EQ(routed(table("<u@x.a.example> = NULL\nx.a.example = ERROR"), "u@x.a.example"), "discard relay");
    EXPECT_EQ(routed(table("x.a.example = ERROR\n<u@x.a.example> = NULL"), "u@x.a.example"), "refuse 5.7.1");
    EXPECT_EQ(routed(table("x.a.example = ERROR\nx.a.example = NULL"), "u@x.a.example"), "refuse 5.7.1");
    EXPECT_EQ(routed(table("<a*> = NULL\n<ab*> = ERROR\n<*> = joe"), "abc"), "discard relay");
    EXPECT_EQ(routed(table("<*> = joe\n<a*> = NULL"), "abc"), "account Joe unified relay");
}

TEST(Router, ARelayForADomainIsNoRelayForWhatHidesInItsLocalParts) {
    // The domain's record grants; it becomes one of ours, is unfolded, and what comes out is foreign.
    const auto by = table("Relay:alias.example = example.org\nRelay:* = *.smtp");
    EXPECT_EQ(routed(by, "joe@alias.example"), "account Joe relay");
    EXPECT_EQ(routed(table("Relay:alias.example = example.org"), "user%victim.test@alias.example"),
              "smtp victim.test <user@victim.test>");
    EXPECT_EQ(routed(by, "user@victim.test"), "smtp victim.test <user@victim.test> relay")
        << "an open relay, as asked for";
}

TEST(Router, SmartHostKeepsTheRecipient) {
    const auto by = table("* = smart.partner.example:587.smtp");
    EXPECT_EQ(routed(by, "user@anywhere.example"), "smtp smart.partner.example:587 <user@anywhere.example>");
    EXPECT_EQ(routed(by, "user@nodots"), "smtp smart.partner.example:587 <user@nodots>");
    EXPECT_EQ(routed(by, "joe"), "account Joe relay");
}

TEST(Router, OurselvesAreNeverCalled) {
    EXPECT_EQ(routed(table("x.example = example.org.smtp"), "u@x.example"), "refuse 5.4.6");
    EXPECT_EQ(routed(table("x.example = [127.0.0.1].smtp"), "u@x.example"), "refuse 5.4.6");
    EXPECT_EQ(routed(table("x.example = [127.0.0.1]:2525.smtp"), "u@x.example"),
              "smtp [127.0.0.1]:2525 <u@x.example> relay");
}

TEST(Router, LoopsEnd) {
    EXPECT_EQ(routed(table("a.example = b.example\nb.example = a.example"), "u@a.example"), "refuse 5.4.6");
    EXPECT_EQ(routed(table("<*> = x*"), "u"), "refuse 5.4.6");
    EXPECT_EQ(routed(table("<a> = b,c\n<b> = a,c\n<c> = a,b"), "a"), "refuse 5.4.6");
    EXPECT_EQ(routed(table("<joe> = joe, joe@partner.example"), "joe"),
              "account Joe + smtp partner.example <joe@partner.example> relay");
    EXPECT_EQ(routed(table("a.example = a.example"), "u@a.example"), "smtp a.example <u@a.example> relay");
    EXPECT_EQ(routed(table("<b> = a\n<a> = b, joe"), "a"), "account Joe relay")
        << "one that loops does not stop the other";
}

TEST(Router, DuplicatesAreOne) {
    EXPECT_EQ(routed(table("<all> = joe, JOE, Joe@example.org, p@p.example, P@P.Example"), "all"),
              "account Joe + smtp p.example <p@p.example> relay");
}

TEST(Table, NamesEveryFaultyLine) {
    const auto compiled = Table::compile(
        "good.example = NULL\nno equals\n\n<a = b\r\n*.*.x = y.example\na@b = c\n = x\n<x> =\n"
        "<y> = a,,b\n<z> = *\nh.example = x:0.smtp\nh.example = bad domain\n<q> = a b\n<z*> = *%*\n<\xff> = "
        "joe\n"
        "fine.example=ERROR:a, b ; c\n");
    ASSERT_FALSE(compiled);
    EXPECT_EQ(compiled.error().fault, Fault::invalid);
    std::vector<std::string> lines;
    const auto errors = compiled.error().text;
    for (const auto line : split(errors, '\n')) lines.emplace_back(line.substr(0, line.find(':')));
    EXPECT_THAT(lines,
                testing::ElementsAre("line 2", "line 4", "line 5", "line 6", "line 7", "line 8", "line 9",
                                     "line 10", "line 11", "line 12", "line 13", "line 14", "line 15"));
    EXPECT_THAT(compiled.error().text, HasSubstr("line 2: no = in the line"));
}

TEST(Table, TellsNoMoreFaultsThanAnybodyReads) {
    std::string text;
    for (int i = 0; i < 500; ++i) text += "x\n";
    const auto compiled = Table::compile(text);
    ASSERT_FALSE(compiled);
    EXPECT_THAT(compiled.error().text, HasSubstr("and 400 more"));
}

TEST(Table, BlanksAreFree) {
    EXPECT_EQ(routed(table("<a>=joe"), "a"), "account Joe relay");
    EXPECT_EQ(routed(table("\t< a >\t=\tjoe ;x=y"), "a"), "account Joe relay");
    EXPECT_EQ(routed(table("relay: x.example = y.example"), "u@x.example"),
              "smtp y.example <u@y.example> relay");
    EXPECT_EQ(routed(table("<a=b> = joe"), "a=b"), "account Joe relay");
    EXPECT_EQ(routed(table("<a> = <joe@partner.example>"), "a"),
              "smtp partner.example <joe@partner.example> relay");
}

TEST(PatternIndex, AgreesWithLookingThroughTheList) {
    EXPECT_TRUE(rc::check("the first pattern that fits, wherever its star", [] {
        const auto letter = rc::gen::element('a', 'b');
        const auto short_text = rc::gen::resize(4, rc::gen::container<std::string>(letter));
        const auto patterns = *rc::gen::container<std::vector<std::string>>(rc::gen::oneOf(
            rc::gen::map(
                rc::gen::pair(short_text, short_text),
                [](const std::pair<std::string, std::string>& p) { return p.first + '*' + p.second; }),
            short_text));
        const auto text = *short_text;
        PatternIndex index;
        for (std::uint32_t i = 0; i < patterns.size(); ++i) index.add(patterns[i], i);
        index.seal();
        const auto fits = [&](const std::string& pattern) {
            const auto star = pattern.find('*');
            if (star == std::string::npos) return pattern == text;
            const auto tail = pattern.substr(star + 1);
            return text.size() + 1 >= pattern.size() && text.substr(0, star) == pattern.substr(0, star) &&
                   text.substr(text.size() - tail.size()) == tail;
        };
        const auto expected = std::find_if(patterns.begin(), patterns.end(), fits);
        const auto found = index.find(text);
        RC_ASSERT(found.has_value() == (expected != patterns.end()));
        if (found) RC_ASSERT(found->order == static_cast<std::uint32_t>(expected - patterns.begin()));
        if (found && expected->find('*') != std::string::npos) {
            RC_ASSERT(found->star_length == text.size() + 1 - expected->size());
        }
    }));
}

}  // namespace
}  // namespace sims::route
