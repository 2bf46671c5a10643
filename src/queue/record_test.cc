// The bytes of the journal and of settled files: what is written is read, what is not ours is refused.
#include "queue/record.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/bytes.h"
#include "queue/settled_file.h"

namespace sims::queue {
namespace {

rc::Gen<std::string> any_text() { return rc::gen::container<std::string>(rc::gen::arbitrary<char>()); }

rc::Gen<mail::Address> any_address() {
    return rc::gen::map(
        rc::gen::pair(rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange('!', '~'))),
                      rc::gen::inRange(0, 1000)),
        [](const std::pair<std::string, int>& parts) {
            const auto local = parts.first.substr(0, 60);
            return mail::Address::make(local, "host" + std::to_string(parts.second) + ".example").value();
        });
}

TimePoint any_time() {
    return TimePoint(Duration(*rc::gen::inRange<std::int64_t>(0, 300'000'000'000'000'000)));
}

QueuedRecipient any_recipient() {
    QueuedRecipient recipient{*any_address()};
    recipient.original = *any_text();
    recipient.state = static_cast<RecipientState>(*rc::gen::inRange(0, 5));
    recipient.attempts = *rc::gen::arbitrary<std::uint32_t>();
    recipient.next = any_time();
    recipient.host = *any_text();
    recipient.last_reply = *any_text();
    recipient.route = *any_text();
    recipient.warned = *rc::gen::arbitrary<bool>();
    return recipient;
}

QueuedMessage any_message() {
    QueuedMessage message;
    message.id.value = *rc::gen::arbitrary<std::uint64_t>();
    if (*rc::gen::arbitrary<bool>()) message.sender.address = *any_address();
    message.body_type = static_cast<mail::BodyType>(*rc::gen::inRange(0, 3));
    message.smtputf8 = *rc::gen::arbitrary<bool>();
    message.received = any_time();
    message.size = *rc::gen::arbitrary<std::uint64_t>();
    const int count = *rc::gen::inRange(1, 5);
    for (int i = 0; i < count; ++i) message.recipients.push_back(any_recipient());
    return message;
}

bool same(const QueuedRecipient& a, const QueuedRecipient& b) {
    return a.address.text() == b.address.text() && a.original == b.original && a.state == b.state &&
           a.attempts == b.attempts && a.next == b.next && a.host == b.host && a.last_reply == b.last_reply &&
           a.route == b.route && a.warned == b.warned;
}

bool same(const QueuedMessage& a, const QueuedMessage& b) {
    return a.id == b.id && a.sender.text() == b.sender.text() && a.body_type == b.body_type &&
           a.smtputf8 == b.smtputf8 && a.received == b.received && a.size == b.size &&
           std::equal(a.recipients.begin(), a.recipients.end(), b.recipients.begin(), b.recipients.end(),
                      [](const auto& x, const auto& y) { return same(x, y); });
}

TEST(QueueId, TextIsReadBackAndSortsAsTheNumber) {
    EXPECT_TRUE(rc::check("round trip", [](std::uint64_t value) {
        const QueueId id{{value}};
        const auto text = id.text();
        RC_ASSERT(text.size() >= 11U);
        RC_ASSERT(text.find_first_of("ILOU") == std::string::npos);
        RC_ASSERT(QueueId::parse(text) == id);
    }));
    EXPECT_EQ(QueueId{{0}}.text(), "00000000000");
    EXPECT_EQ(QueueId{{31}}.text(), "0000000000Z");
    EXPECT_LT(QueueId{{1'795'000'000'000'000}}.text(), QueueId{{1'795'000'000'000'001}}.text());
    EXPECT_EQ(QueueId{{UINT64_MAX}}.text().size(), 13U);
}

TEST(QueueId, OtherTextsAreNone) {
    for (const char* text :
         {"", "0", "0000000000", "000000000000", "0000000000I", "0000000000u", "0000000000a", "ZZZZZZZZZZZZZ",
          "00000000000000", "../00000000", "0000000000\n"}) {
        EXPECT_FALSE(QueueId::parse(text)) << text;
    }
}

TEST(Record, MessagesAreReadBack) {
    EXPECT_TRUE(rc::check("message", [] {
        const auto message = any_message();
        const std::vector<MailboxNote> notes{{*any_text(), 17, 4}, {"Accounts/ann", UINT64_MAX, 0}};
        const auto place = *rc::gen::element(ContentPlace::inside, ContentPlace::own_file);
        const auto decoded = decode_message(encode_message(message, place, 99, notes));
        RC_ASSERT(decoded.has_value());
        RC_ASSERT(same(decoded->message, message));
        RC_ASSERT(decoded->place == place);
        RC_ASSERT(decoded->content_crc == 99U);
        RC_ASSERT(decoded->notes.size() == 2U);
        RC_ASSERT(decoded->notes[0].mailbox == notes[0].mailbox);
        RC_ASSERT(decoded->notes[1].clean_length == UINT64_MAX);
    }));
}

TEST(Record, UpdatesIdsAndMailboxesAreReadBack) {
    EXPECT_TRUE(rc::check("lists", [] {
        const std::vector<Update> updates{{QueueId{{5}}, 3, any_recipient()},
                                          {QueueId{{6}}, 0, any_recipient()}};
        const auto decoded = decode_updates(encode_updates(updates));
        RC_ASSERT(decoded.has_value());
        RC_ASSERT(decoded->size() == 2U);
        RC_ASSERT((*decoded)[0].id == updates[0].id);
        RC_ASSERT((*decoded)[0].recipient == 3U);
        RC_ASSERT(same((*decoded)[1].now, updates[1].now));
        const std::vector<std::string> names{*any_text(), *any_text()};
        RC_ASSERT(decode_mailboxes(encode_mailboxes(names)).value() == names);
    }));
    const std::vector<QueueId> ids{QueueId{{1}}, QueueId{{UINT64_MAX}}};
    EXPECT_EQ(decode_ids(encode_ids(ids)).value(), ids);
}

TEST(Record, AnyFlippedBitIsNoticed) {
    const std::vector<QueueId> ids{QueueId{{1}}, QueueId{{2}}};
    auto record = make_record(RecordKind::finished, encode_ids(ids));
    record.body = std::make_shared<const std::string>("body");
    record.body_crc = crc32("body");
    std::string bytes(100, '\0');
    append_record_header(record, {7, 100}, bytes);
    bytes += record.head + *record.body;
    ASSERT_TRUE(find_record(bytes, 100, 7));
    EXPECT_EQ(find_record(bytes, 100, 7)->body, "body");
    EXPECT_EQ(find_record(bytes, 100, 7)->end, bytes.size());
    EXPECT_FALSE(find_record(bytes, 100, 8));
    EXPECT_FALSE(find_record(bytes, 99, 7));
    EXPECT_FALSE(find_record(bytes, bytes.size() + 5, 7));
    for (std::size_t bit = 8 * 100; bit < 8 * bytes.size(); ++bit) {
        std::string damaged = bytes;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
        EXPECT_FALSE(find_record(damaged, 100, 7)) << "bit " << bit;
    }
}

TEST(Record, CountsThatLieReserveNothing) {
    std::string head;
    put(head, std::uint32_t{UINT32_MAX});
    EXPECT_FALSE(decode_ids(head));
    EXPECT_FALSE(decode_updates(head));
    EXPECT_FALSE(decode_notes(head));
    EXPECT_FALSE(decode_mailboxes(head));
}

TEST(SegmentHeader, IsReadBackAndChecked) {
    const auto bytes = encode(SegmentHeader{42, 77, 8192});
    ASSERT_EQ(bytes.size(), segment_header_bytes);
    const auto header = decode_segment_header(bytes);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->generation, 42U);
    EXPECT_EQ(header->last_id, 77U);
    EXPECT_EQ(header->segment_bytes, 8192U);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        auto damaged = bytes;
        damaged[at] ^= 0x20;
        EXPECT_FALSE(decode_segment_header(damaged)) << at;
        EXPECT_FALSE(decode_segment_header(bytes.substr(0, at)));
    }
}

TEST(SettledFile, IsReadBack) {
    EXPECT_TRUE(rc::check("settled", [] {
        SettledMessage settled{any_message(), *rc::gen::element(ContentPlace::inside, ContentPlace::own_file),
                               5};
        const auto text = format_settled(settled);
        const auto parsed = parse_settled(text + "content\n\nContent follows\n");
        RC_ASSERT(parsed.has_value());
        RC_ASSERT(parsed->envelope_bytes == text.size());
        RC_ASSERT(same(parsed->settled.message, settled.message));
        RC_ASSERT(parsed->settled.place == settled.place);
        RC_ASSERT(parsed->settled.content_crc == 5U);
    }));
}

TEST(SettledFile, ReadsLikeALetter) {
    SettledMessage settled;
    settled.message.id = *QueueId::parse("1K0HC0NYSNG");
    settled.message.sender.address = mail::Address::parse("joe@example.org").value();
    settled.message.received = TimePoint(Duration(1'795'382'771'042'117));
    settled.message.size = 4711;
    QueuedRecipient ann{mail::Address::parse("ann@example.net").value()};
    ann.attempts = 3;
    ann.last_reply = "451 4.7.1 Grey\nlisted";
    settled.message.recipients.push_back(ann);
    const auto text = format_settled(settled);
    EXPECT_EQ(
        text.substr(text.find('\n') + 1),
        "Id: 1K0HC0NYSNG\nSender: <joe@example.org>\nReceived: 2026-11-22T21:26:11.042117Z\nSize: 4711\n"
        "Body: 7BIT\nUtf8: no\nContent: below, check 00000000\n\nRecipient: <ann@example.net>\n"
        "State: waiting\nAttempts: 3\nWarned: no\nReply: 451 4.7.1 Grey\\x0alisted\n\nContent follows\n");
}

TEST(SettledFile, CutOrChangedItIsRefused) {
    SettledMessage settled;
    settled.message.recipients.push_back(QueuedRecipient{mail::Address::parse("ann@example.net").value()});
    const auto text = format_settled(settled);
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto cut = parse_settled(text.substr(0, at));
        ASSERT_FALSE(cut) << at;
        EXPECT_EQ(cut.error().fault, Fault::limit) << at;  // it may go on
        auto changed = text;
        changed[at] ^= 1;
        EXPECT_FALSE(parse_settled(changed)) << at;
    }
}

}  // namespace
}  // namespace sims::queue
