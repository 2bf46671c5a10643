#include "store/mailbox_index.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>

#include "base/bytes.h"
#include "base/check.h"

namespace sims::store {
namespace {

constexpr std::string_view magic = "SIMSIDX\n";
constexpr std::uint32_t version = 1;
constexpr std::size_t entry_size = 44;
constexpr std::uint64_t messages_max = UINT32_MAX / 2;

std::string_view text_of(const Uid& uid) {
    return {reinterpret_cast<const char*>(uid.bytes.data()), uid.bytes.size()};
}

std::uint64_t microseconds_of(TimePoint time) {
    return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

}  // namespace

std::size_t UidHash::operator()(const Uid& uid) const {
    std::size_t hash = 0;
    std::memcpy(&hash, uid.bytes.data(), sizeof hash);
    return hash;
}

MailboxIndex::MailboxIndex() : entries_(std::make_shared<std::vector<MessageEntry>>()) {}

Uid MailboxIndex::digest_of(const Uid& uid) const {
    const auto found = derived_.find(uid);
    return found == derived_.end() ? uid : found->second.digest;
}

void MailboxIndex::enter(std::size_t number) {
    const std::size_t mask = table_.size() - 1;
    std::size_t slot = UidHash{}((*entries_)[number].uid) & mask;
    while (table_[slot] != 0) slot = (slot + 1) & mask;
    table_[slot] = static_cast<std::uint32_t>(number + 1);
}

void MailboxIndex::grow_table() {
    std::size_t slots = 64;
    while (slots < entries_->size() * 2 + 2) slots *= 2;
    table_.assign(slots, 0);
    for (std::size_t i = 0; i < entries_->size(); ++i) enter(i);
}

bool MailboxIndex::has(const Uid& uid) {
    if (table_.empty()) grow_table();
    const std::size_t mask = table_.size() - 1;
    for (std::size_t slot = UidHash{}(uid)&mask; table_[slot] != 0; slot = (slot + 1) & mask) {
        if ((*entries_)[table_[slot] - 1].uid == uid) return true;
    }
    return false;
}

void MailboxIndex::append(const MessageEntry& entry) {
    check(entries_->size() < messages_max, "a mailbox of more messages than its index counts");
    if (entries_->size() == entries_->capacity()) {
        // Never in place: a maildrop may be reading the entries.
        auto larger = std::make_shared<std::vector<MessageEntry>>();
        larger->reserve(std::max<std::size_t>(8, entries_->size() * 2));
        larger->assign(entries_->begin(), entries_->end());
        entries_ = std::move(larger);
    }
    entries_->push_back(entry);
    if (table_.empty()) return;
    if (table_.size() < entries_->size() * 2) {
        grow_table();
    } else {
        enter(entries_->size() - 1);
    }
}

void MailboxIndex::append(const ScannedMessage& message, std::uint32_t ordinal) {
    const Uid uid = uid_of(message.digest, ordinal);
    if (ordinal > 0) {
        derived_[uid] = {message.digest, ordinal};
        auto& highest = highest_[message.digest];
        highest = std::max(highest, ordinal);
    }
    append(MessageEntry{message.offset, message.end - message.offset, message.wire_size, uid});
}

std::uint32_t MailboxIndex::free_ordinal(const Uid& digest) {
    if (!highest_.empty()) {
        const auto highest = highest_.find(digest);
        if (highest != highest_.end()) return highest->second + 1;
    }
    return has(digest) ? 1 : 0;
}

void MailboxIndex::add(std::span<const ScannedMessage> found) {
    for (const auto& message : found) append(message, free_ordinal(message.digest));
}

void MailboxIndex::add(std::span<const ScannedMessage> found, const MailboxIndex& before) {
    if (before.derived_.empty()) return add(found);
    // Ordinals that were in use, of the digests that had any above 0, in ascending order.
    std::map<Uid, std::vector<std::uint32_t>> known;
    for (const auto& [uid, origin] : before.derived_) known[origin.digest].push_back(origin.ordinal);
    for (const auto& entry : *before.entries_) {
        const auto family = known.find(entry.uid);
        if (family != known.end() && !before.derived_.contains(entry.uid)) family->second.push_back(0);
    }
    for (auto& [digest, ordinals] : known) {
        std::sort(ordinals.begin(), ordinals.end(), std::greater<>());
    }
    for (const auto& message : found) {
        const auto family = known.find(message.digest);
        if (family == known.end()) {
            append(message, free_ordinal(message.digest));
            continue;
        }
        auto& ordinals = family->second;
        auto& highest = highest_[message.digest];
        if (ordinals.empty()) {
            append(message, highest + 1);
            continue;
        }
        // Above all that were in use, even if the scan ends before it meets them.
        highest = std::max(highest, ordinals.front());
        append(message, ordinals.back());
        ordinals.pop_back();
    }
}

MailboxIndex MailboxIndex::without(const std::vector<bool>& removed, std::uint64_t end) const {
    MailboxIndex left;
    left.covered_ = covered_;
    left.highest_ = highest_;
    left.entries_->reserve(size() + size() / 8);
    std::uint64_t gone = 0;
    for (std::size_t i = 0; i < size(); ++i) {
        MessageEntry entry = (*entries_)[i];
        if (removed[i]) {
            gone += (i + 1 < size() ? (*entries_)[i + 1].offset : end) - entry.offset;
            continue;
        }
        entry.offset -= gone;
        left.entries_->push_back(entry);
        if (derived_.empty()) continue;
        if (const auto derived = derived_.find(entry.uid); derived != derived_.end()) {
            left.derived_.insert(*derived);
        }
    }
    left.covered_.size -= gone;
    return left;
}

std::string MailboxIndex::encode() const {
    std::string entries;
    entries.reserve(size() * entry_size);
    for (const auto& entry : *entries_) {
        put(entries, entry.offset);
        put(entries, entry.stored_size);
        put(entries, entry.wire_size);
        const auto derived = derived_.empty() ? derived_.end() : derived_.find(entry.uid);
        entries += text_of(derived == derived_.end() ? entry.uid : derived->second.digest);
        put(entries, derived == derived_.end() ? std::uint32_t{0} : derived->second.ordinal);
    }
    std::string bytes(magic);
    bytes.reserve(header_size + entries.size());
    put(bytes, version);
    put(bytes, static_cast<std::uint32_t>(entry_size));
    put(bytes, covered_.inode);
    put(bytes, covered_.size);
    put(bytes, microseconds_of(covered_.modified));
    put(bytes, static_cast<std::uint64_t>(size()));
    put(bytes, crc32(entries));
    put(bytes, crc32(bytes));
    check(bytes.size() == header_size, "the index header has another size than it should");
    return bytes += entries;
}

std::optional<MailboxIndex::Header> MailboxIndex::decode_header(std::string_view bytes) {
    if (bytes.size() < header_size || !bytes.starts_with(magic)) return std::nullopt;
    ByteReader sum(bytes.substr(header_size - 4, 4));
    if (sum.take<std::uint32_t>() != crc32(bytes.substr(0, header_size - 4))) return std::nullopt;
    ByteReader reader(bytes.substr(magic.size(), header_size - magic.size()));
    if (reader.take<std::uint32_t>() != version) return std::nullopt;
    if (reader.take<std::uint32_t>() != entry_size) return std::nullopt;
    Header header;
    header.covered.inode = *reader.take<std::uint64_t>();
    header.covered.size = *reader.take<std::uint64_t>();
    header.covered.modified = TimePoint(Duration(static_cast<std::int64_t>(*reader.take<std::uint64_t>())));
    header.messages = *reader.take<std::uint64_t>();
    if (header.messages > messages_max) return std::nullopt;
    return header;
}

std::optional<MailboxIndex> MailboxIndex::decode(std::string_view bytes) {
    const auto header = decode_header(bytes);
    if (!header) return std::nullopt;
    const auto entries = bytes.substr(header_size);
    if (entries.size() != header->messages * entry_size) return std::nullopt;
    ByteReader sum(bytes.substr(header_size - 8, 4));
    if (sum.take<std::uint32_t>() != crc32(entries)) return std::nullopt;
    MailboxIndex index;
    index.covered_ = header->covered;
    index.entries_->reserve(header->messages + header->messages / 8 + 8);
    ByteReader reader(entries);
    std::uint64_t end = 0;
    for (std::uint64_t i = 0; i < header->messages; ++i) {
        ScannedMessage message;
        message.offset = *reader.take<std::uint64_t>();
        const std::uint64_t stored_size = *reader.take<std::uint64_t>();
        message.wire_size = *reader.take<std::uint64_t>();
        const auto digest = *reader.take_bytes(message.digest.bytes.size());
        std::copy(digest.begin(), digest.end(), message.digest.bytes.begin());
        const auto ordinal = *reader.take<std::uint32_t>();
        const bool fits =
            ordinal <= messages_max && message.offset >= end && message.offset <= header->covered.size &&
            stored_size <= header->covered.size - message.offset && message.wire_size / 2 <= stored_size + 1;
        if (!fits) return std::nullopt;
        message.end = end = message.offset + stored_size;
        index.append(message, ordinal);
    }
    return index;
}

}  // namespace sims::store
