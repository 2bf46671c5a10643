// What is known of a mailbox's messages: in memory, and as bytes for Index/ (docs/formats/index.md). A cache:
// it can always be made anew from the mailbox. Pure; no locking of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "os/file_system.h"
#include "store/mailbox_scanner.h"
#include "store/mailbox_store.h"

namespace sims::store {

// The mailbox file an index was right for: its first `size` bytes, as they were then.
struct Covered {
    std::uint64_t size = 0;
    std::uint64_t inode = 0;
    TimePoint modified{};
    friend bool operator==(const Covered&, const Covered&) = default;
};

inline Covered covered_of(const os::FileStat& stat) { return {stat.size, stat.inode, stat.modified}; }

struct UidHash {
    // A UID is a digest: any eight bytes of it are a hash.
    std::size_t operator()(const Uid& uid) const;
};

// Entries that readers hold on to while the mailbox goes on: never moved or changed, only added to.
using SharedEntries = std::shared_ptr<const std::vector<MessageEntry>>;

class MailboxIndex {
public:
    MailboxIndex();

    std::size_t size() const { return entries_->size(); }
    const MessageEntry& operator[](std::size_t number) const { return (*entries_)[number]; }
    SharedEntries entries() const { return entries_; }
    std::uint64_t covered_size() const { return covered_.size; }
    const Covered& covered() const { return covered_; }
    // The digest a UID was made of (the UID itself for nearly all).
    Uid digest_of(const Uid& uid) const;
    bool has(const Uid& uid);

    // Adds what was found behind the last entry. Of equal messages the first keeps the digest as its UID,
    // the next have ordinals above all that are there.
    void add(std::span<const ScannedMessage> found);
    // The same; but what `before` knew keeps the UIDs it had there.
    void add(std::span<const ScannedMessage> found, const MailboxIndex& before);
    void set_covered(const Covered& covered) { covered_ = covered; }
    // Without the messages whose numbers are marked; the bytes up to the next message, or `end` for the last,
    // go with them.
    MailboxIndex without(const std::vector<bool>& removed, std::uint64_t end) const;

    std::string encode() const;
    // Total: nothing for bytes that are no index, of another version, damaged or contradictory.
    static std::optional<MailboxIndex> decode(std::string_view bytes);
    // Only what stands in the first `header_size` bytes.
    struct Header {
        Covered covered;
        std::uint64_t messages = 0;
    };
    static constexpr std::size_t header_size = 56;
    static std::optional<Header> decode_header(std::string_view bytes);

private:
    struct Origin {
        Uid digest;
        std::uint32_t ordinal = 0;
    };
    void append(const MessageEntry& entry);
    void append(const ScannedMessage& message, std::uint32_t ordinal);
    std::uint32_t free_ordinal(const Uid& digest);
    void grow_table();
    void enter(std::size_t number);

    std::shared_ptr<std::vector<MessageEntry>> entries_;  // shared with maildrops; full ones are replaced
    Covered covered_;
    std::unordered_map<Uid, Origin, UidHash> derived_;         // UIDs with an ordinal above 0: few
    std::unordered_map<Uid, std::uint32_t, UidHash> highest_;  // ordinal of a digest, where above 0
    // Open addressing, numbers of entries + 1 by UID; made when first needed.
    std::vector<std::uint32_t> table_;
};

}  // namespace sims::store
