#include "queue/record.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"

namespace sims::queue {

namespace {

constexpr std::string_view segment_magic = "SIMSJRNL";
constexpr std::string_view record_magic = "SIMR";
constexpr std::uint32_t segment_version = 1;
constexpr std::uint8_t record_version = 1;
constexpr std::size_t segment_crc_at = 60;
constexpr std::size_t record_crc_at = 36;

namespace flag {
constexpr unsigned body_type = 3;
constexpr unsigned smtputf8 = 4;
constexpr unsigned null_sender = 8;
constexpr unsigned own_file = 16;
constexpr unsigned all = 31;
}  // namespace flag

std::uint32_t length32(std::size_t length) {
    check(length <= UINT32_MAX, "a journal record beyond 4 GiB");
    return static_cast<std::uint32_t>(length);
}

void put_time(std::string& out, TimePoint time) {
    put(out, static_cast<std::uint64_t>(time.time_since_epoch().count()));
}

TimePoint time_of(std::uint64_t microseconds) {
    return TimePoint(Duration(static_cast<std::int64_t>(microseconds)));
}

void put_address(std::string& out, const mail::Address& address) {
    put_text(out, address.local());
    put_text(out, address.domain());
}

void put_note(std::string& out, const MailboxNote& note) {
    put_text(out, note.mailbox);
    put(out, note.clean_length);
    put(out, note.inode);
}

void put_recipient(std::string& out, const QueuedRecipient& recipient) {
    put_address(out, recipient.address);
    put_text(out, recipient.original);
    put(out, static_cast<std::uint8_t>(recipient.state));
    put(out, recipient.attempts);
    put_time(out, recipient.next);
    put(out, static_cast<std::uint8_t>(recipient.warned));
    put_text(out, recipient.host);
    put_text(out, recipient.last_reply);
    put_text(out, recipient.route);
}

Error torn(std::string_view what) {
    return fail(Fault::corrupt, fmt::format("a journal record of {} cannot be read", what));
}

std::optional<mail::Address> take_address(ByteReader& in) {
    const auto local = in.take_text();
    const auto domain = in.take_text();
    if (!local || !domain) return std::nullopt;
    auto address = mail::Address::make(*local, *domain);
    if (!address) return std::nullopt;
    return std::move(*address);
}

std::optional<MailboxNote> take_note(ByteReader& in) {
    const auto mailbox = in.take_text();
    const auto length = in.take<std::uint64_t>();
    const auto inode = in.take<std::uint64_t>();
    if (!mailbox || !length || !inode) return std::nullopt;
    return MailboxNote{std::string(*mailbox), *length, *inode};
}

std::optional<QueuedRecipient> take_recipient(ByteReader& in) {
    auto address = take_address(in);
    if (!address) return std::nullopt;
    const auto original = in.take_text();
    const auto state = in.take<std::uint8_t>();
    const auto attempts = in.take<std::uint32_t>();
    const auto next = in.take<std::uint64_t>();
    const auto warned = in.take<std::uint8_t>();
    const auto host = in.take_text();
    const auto reply = in.take_text();
    const auto route = in.take_text();
    if (!route || *state > static_cast<std::uint8_t>(RecipientState::failed) || *warned > 1) {
        return std::nullopt;
    }
    return QueuedRecipient{
        .address = std::move(*address),
        .original = std::string(*original),
        .state = static_cast<RecipientState>(*state),
        .attempts = *attempts,
        .next = time_of(*next),
        .host = std::string(*host),
        .last_reply = std::string(*reply),
        .route = std::string(*route),
        .warned = *warned == 1,
    };
}

// A list: its count, then so many of what `take` reads; the whole of the rest when it is `last`.
template <class T, class Take>
std::optional<std::vector<T>> take_list(ByteReader& in, Take take) {
    const auto count = in.take<std::uint32_t>();
    if (!count) return std::nullopt;
    std::vector<T> list;
    // Every element has 8 bytes or more: a lying count reserves nothing it cannot fill.
    if (*count > in.rest().size() / 4) return std::nullopt;
    list.reserve(*count);
    for (std::uint32_t i = 0; i < *count; ++i) {
        auto element = take(in);
        if (!element) return std::nullopt;
        list.push_back(std::move(*element));
    }
    return list;
}

template <class T, class Take>
Result<std::vector<T>> decode_list(std::string_view head, std::string_view what, Take take) {
    ByteReader in(head);
    auto list = take_list<T>(in, take);
    if (!list || !in.at_end()) return torn(what);
    return std::move(*list);
}

unsigned flags_of(const QueuedMessage& message, ContentPlace place) {
    unsigned flags = static_cast<unsigned>(message.body_type);
    if (message.smtputf8) flags |= flag::smtputf8;
    if (message.sender.is_null()) flags |= flag::null_sender;
    if (place == ContentPlace::own_file) flags |= flag::own_file;
    return flags;
}

}  // namespace

std::string encode(const SegmentHeader& header) {
    std::string out(segment_magic);
    put(out, segment_version);
    put(out, std::uint32_t{0});
    put(out, header.generation);
    put(out, header.last_id);
    put(out, header.segment_bytes);
    out.resize(segment_crc_at);
    put(out, crc32(out));
    return out;
}

std::optional<SegmentHeader> decode_segment_header(std::string_view bytes) {
    if (bytes.size() < segment_header_bytes) return std::nullopt;
    ByteReader in(bytes.substr(0, segment_header_bytes));
    if (in.take_bytes(segment_magic.size()) != segment_magic) return std::nullopt;
    if (in.take<std::uint32_t>() != segment_version) return std::nullopt;
    in.take<std::uint32_t>();
    SegmentHeader header;
    header.generation = *in.take<std::uint64_t>();
    header.last_id = *in.take<std::uint64_t>();
    header.segment_bytes = *in.take<std::uint64_t>();
    ByteReader sum(bytes.substr(segment_crc_at, 4));
    if (sum.take<std::uint32_t>() != crc32(bytes.substr(0, segment_crc_at))) return std::nullopt;
    return header;
}

Record make_record(RecordKind kind, std::string head) {
    Record record;
    record.kind = kind;
    record.head_crc = crc32(head);
    record.head = std::move(head);
    return record;
}

void append_record_header(const Record& record, RecordPlace place, std::string& out) {
    const std::size_t start = out.size();
    out += record_magic;
    put(out, record_version);
    put(out, static_cast<std::uint8_t>(record.kind));
    put(out, std::uint16_t{0});
    put(out, place.generation);
    put(out, place.batch);
    put(out, length32(record.head.size()));
    put(out, length32(record.body_bytes()));
    put(out, record.head_crc);
    put(out, record.body_crc);
    put(out, crc32(std::string_view(out).substr(start)));
}

std::optional<FoundRecord> find_record(std::string_view segment, std::uint64_t offset,
                                       std::uint64_t generation) {
    if (offset > segment.size() || segment.size() - offset < record_header_bytes) return std::nullopt;
    const std::string_view header = segment.substr(offset, record_header_bytes);
    ByteReader in(header);
    if (in.take_bytes(record_magic.size()) != record_magic) return std::nullopt;
    const auto version = *in.take<std::uint8_t>();
    const auto kind = *in.take<std::uint8_t>();
    in.take<std::uint16_t>();
    const auto of_generation = *in.take<std::uint64_t>();
    FoundRecord found;
    found.batch = *in.take<std::uint32_t>();
    const std::uint64_t head_bytes = *in.take<std::uint32_t>();
    const std::uint64_t body_bytes = *in.take<std::uint32_t>();
    const auto head_crc = *in.take<std::uint32_t>();
    found.body_crc = *in.take<std::uint32_t>();
    if (in.take<std::uint32_t>() != crc32(header.substr(0, record_crc_at))) return std::nullopt;
    if (version != record_version || of_generation != generation) return std::nullopt;
    if (kind < static_cast<std::uint8_t>(RecordKind::message) ||
        kind > static_cast<std::uint8_t>(RecordKind::cancelled)) {
        return std::nullopt;
    }
    found.kind = static_cast<RecordKind>(kind);
    const std::uint64_t rest = segment.size() - offset - record_header_bytes;
    if (head_bytes + body_bytes > rest || found.batch > offset) return std::nullopt;
    found.head = segment.substr(offset + record_header_bytes, head_bytes);
    found.body_offset = offset + record_header_bytes + head_bytes;
    found.body = segment.substr(found.body_offset, body_bytes);
    found.end = found.body_offset + body_bytes;
    if (crc32(found.head) != head_crc || crc32(found.body) != found.body_crc) return std::nullopt;
    return found;
}

std::string encode_message(const QueuedMessage& message, ContentPlace place, std::uint32_t content_crc,
                           std::span<const MailboxNote> notes) {
    std::string out;
    out.reserve(128 + 96 * message.recipients.size() + 64 * notes.size());
    put(out, message.id.value);
    put_time(out, message.received);
    put(out, message.size);
    put(out, content_crc);
    put(out, static_cast<std::uint8_t>(flags_of(message, place)));
    if (message.sender.address) put_address(out, *message.sender.address);
    put(out, length32(notes.size()));
    for (const auto& note : notes) put_note(out, note);
    put(out, length32(message.recipients.size()));
    for (const auto& recipient : message.recipients) put_recipient(out, recipient);
    return out;
}

Result<MessageRecord> decode_message(std::string_view head) {
    ByteReader in(head);
    MessageRecord record;
    QueuedMessage& message = record.message;
    const auto id = in.take<std::uint64_t>();
    const auto received = in.take<std::uint64_t>();
    const auto size = in.take<std::uint64_t>();
    const auto content_crc = in.take<std::uint32_t>();
    const auto flags = in.take<std::uint8_t>();
    if (!flags || *flags > flag::all || (*flags & flag::body_type) > 2) return torn("a message");
    message.id.value = *id;
    message.received = time_of(*received);
    message.size = *size;
    record.content_crc = *content_crc;
    message.body_type = static_cast<mail::BodyType>(*flags & flag::body_type);
    message.smtputf8 = (*flags & flag::smtputf8) != 0;
    record.place = (*flags & flag::own_file) != 0 ? ContentPlace::own_file : ContentPlace::inside;
    if ((*flags & flag::null_sender) == 0) {
        auto sender = take_address(in);
        if (!sender) return torn("a message (its sender)");
        message.sender.address = std::move(*sender);
    }
    auto notes = take_list<MailboxNote>(in, take_note);
    if (!notes) return torn("a message (its mailbox notes)");
    record.notes = std::move(*notes);
    auto recipients = take_list<QueuedRecipient>(in, take_recipient);
    if (!recipients || !in.at_end()) return torn("a message (its recipients)");
    message.recipients = std::move(*recipients);
    return record;
}

std::string encode_notes(std::span<const MailboxNote> notes) {
    std::string out;
    put(out, length32(notes.size()));
    for (const auto& note : notes) put_note(out, note);
    return out;
}

Result<std::vector<MailboxNote>> decode_notes(std::string_view head) {
    return decode_list<MailboxNote>(head, "mailbox notes", take_note);
}

std::string encode_mailboxes(std::span<const std::string> mailboxes) {
    std::string out;
    put(out, length32(mailboxes.size()));
    for (const auto& mailbox : mailboxes) put_text(out, mailbox);
    return out;
}

Result<std::vector<std::string>> decode_mailboxes(std::string_view head) {
    return decode_list<std::string>(head, "synced mailboxes", [](ByteReader& in) {
        const auto text = in.take_text();
        return text ? std::optional(std::string(*text)) : std::nullopt;
    });
}

std::string encode_updates(std::span<const Update> updates) {
    std::string out;
    out.reserve(4 + 128 * updates.size());
    put(out, length32(updates.size()));
    for (const auto& update : updates) {
        put(out, update.id.value);
        put(out, length32(update.recipient));
        put_recipient(out, update.now);
    }
    return out;
}

Result<std::vector<Update>> decode_updates(std::string_view head) {
    return decode_list<Update>(head, "recipients' states", [](ByteReader& in) -> std::optional<Update> {
        const auto id = in.take<std::uint64_t>();
        const auto index = in.take<std::uint32_t>();
        auto now = take_recipient(in);
        if (!now) return std::nullopt;
        return Update{QueueId{{*id}}, *index, std::move(*now)};
    });
}

std::string encode_ids(std::span<const QueueId> ids) {
    std::string out;
    put(out, length32(ids.size()));
    for (const auto id : ids) put(out, id.value);
    return out;
}

Result<std::vector<QueueId>> decode_ids(std::string_view head) {
    return decode_list<QueueId>(head, "message ids", [](ByteReader& in) -> std::optional<QueueId> {
        const auto id = in.take<std::uint64_t>();
        if (!id) return std::nullopt;
        return QueueId{{*id}};
    });
}

}  // namespace sims::queue
