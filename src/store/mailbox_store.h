// Mailboxes on disk: plain mbox files other programs may read and write at the same time, and an index beside
// them that can be deleted at any time (docs/formats/mailbox.md, docs/formats/index.md). Appends are
// write-behind: they are in the file (and seen by readers) when append() returns, and on stable storage after
// sync(). Says nothing of who may read what, nor of the queue. Thread-safe; every call may block on the disk:
// never call from a reactor thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "mail/mbox.h"
#include "os/file_system.h"

namespace sims::store {

// A mailbox by where it lies: the path of its file under the base folder ("Accounts/joe",
// "Domains/example.net/Accounts/joe"). Made by the directory, never from outside bytes.
struct MailboxPath {
    std::string relative;
    friend auto operator<=>(const MailboxPath&, const MailboxPath&) = default;
};

// Names a message for as long as it lies in its mailbox, whatever happens to indexes, folders and machines:
// derived from the message's own bytes and its ordinal among equal ones. 128 bits.
struct Uid {
    std::array<std::uint8_t, 16> bytes{};
    std::string text() const;  // 22 characters of base64url: a UIDL (RFC 1939 7: 1 to 70 of 0x21 to 0x7E)
    friend auto operator<=>(const Uid&, const Uid&) = default;
};

struct MessageEntry {
    std::uint64_t offset = 0;       // of the From_ line
    std::uint64_t stored_size = 0;  // From_ line to the last byte before the closing empty line
    std::uint64_t wire_size = 0;    // octets RETR sends, without the dot-stuffing and the final dot
    Uid uid;
};

struct Limits {
    std::size_t open_mailboxes_max = 1024;        // files and indexes kept open; the least used are closed
    std::size_t cached_messages_max = 1'000'000;  // index entries kept in memory, all mailboxes together
    std::chrono::seconds stale_dot_lock{600};  // a foreign NAME.lock older than this is taken for abandoned
};

// What was appended where, in the order given.
struct Appended {
    std::uint64_t offset;  // of its From_ line
};

// For recovery: what the mailbox's synced length was when the first unsynced append began.
struct CleanLength {
    std::uint64_t length = 0;
    std::uint64_t inode = 0;
};

struct MailboxStatus {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;  // of the file
};

struct CheckReport {
    std::uint64_t messages = 0;
    std::vector<std::string> problems;  // empty: file and index agree
};

class MailboxStore;

// One reader's exclusive hold on a mailbox (POP3: one session at a time). The list is as it was when opened;
// mail that arrives meanwhile stays out of it. Letting go of the object ends the hold and removes nothing.
class Maildrop {
public:
    virtual ~Maildrop() = default;
    virtual std::span<const MessageEntry> messages() const = 0;
    // Appends up to about `chunk_max` bytes of message `number` (0-based) as wire bytes (CRLF, unquoted, not
    // dot-stuffed) to `out`, going on from where the last call for this message ended; false in the result
    // when the message ended. A new Reading begins anew. Bounded memory whatever the message's size; one
    // shorter than chunk_max comes whole in the first call.
    // busy when another program changed the message's place while it was being read; not_found when another
    // program removed it.
    struct Reading {
        std::size_t number = 0;
        std::uint64_t position = 0;  // 0 at the start; owned by the caller, changed by read()
        std::uint64_t edition = 0;   // of the mailbox, when the reading began
        bool from_line_ended = false;
        mail::MboxUnquoter unquoter;
    };
    virtual Result<bool> read(Reading& reading, std::size_t chunk_max, std::string& out) = 0;
};

class MailboxStore {
public:
    // `base` is the base folder. Removes what a former life of this server left: dot locks, half-made files.
    static Result<std::unique_ptr<MailboxStore>> open(os::FileSystem& files, std::string base, Limits limits,
                                                      Log& log);
    virtual ~MailboxStore() = default;

    // Makes an empty mailbox where there is none (mode 0600); fine when there is one.
    virtual Result<> create(const MailboxPath& mailbox) = 0;
    virtual Result<> rename(const MailboxPath& from, const MailboxPath& to) = 0;
    // The mailbox file (or the link to it, never the target's folder) and its index. busy while a Maildrop is
    // held.
    virtual Result<> remove(const MailboxPath& mailbox) = 0;
    virtual Result<MailboxStatus> status(const MailboxPath& mailbox) = 0;
    // Bytes of the file, as it is now: one look at the disk, no index. 0 where there is none.
    virtual Result<std::uint64_t> file_size(const MailboxPath& mailbox) = 0;
    // The same as it was when this store last looked or wrote; nothing when it never did, or long ago. From
    // memory: the one call that never blocks on the disk, nor waits for who does.
    virtual std::optional<std::uint64_t> last_known_size(const MailboxPath& mailbox) const = 0;

    // Appends whole rendered messages (mail::mbox_render) under the locks other programs honour, in one
    // write. All of them or none: what a failed write left is cut off again. busy when another program holds
    // the mailbox: try again soon. A missing mailbox file is made; a dangling link is unavailable.
    virtual Result<std::vector<Appended>> append(const MailboxPath& mailbox,
                                                 std::span<const std::string_view> rendered) = 0;

    // The mailbox's length, for the journal, when nothing in it waits for sync(); nothing when it is dirty
    // already.
    virtual Result<std::optional<CleanLength>> clean_length(const MailboxPath& mailbox) = 0;
    // Everything appended before the call is on stable storage: the length it had then.
    virtual Result<CleanLength> sync(const MailboxPath& mailbox) = 0;
    virtual std::vector<MailboxPath> dirty() const = 0;

    // busy while another Maildrop on it is held.
    virtual Result<std::unique_ptr<Maildrop>> open_maildrop(const MailboxPath& mailbox) = 0;
    // Removes the numbered messages of the held maildrop, durably: when it returns they are gone for ever,
    // and everything else is there, what arrived meanwhile and what other programs added too. The drop is
    // used up.
    virtual Result<> remove_messages(std::unique_ptr<Maildrop> drop,
                                     std::span<const std::size_t> numbers) = 0;

    // A clean length that is no message's border, or of another inode (a foreign rewrite), only means a
    // longer look. After a crash (docs/formats/spool.md "Recovery"): makes the mailbox hold each of
    // `rendered` exactly once. What lies beyond clean.length and is a torn copy of one of them is cut out;
    // whole ones and foreign mail stay; missing ones are appended. Synced when it returns. Says how many it
    // appended.
    virtual Result<std::size_t> recover(const MailboxPath& mailbox, CleanLength clean,
                                        std::span<const std::string_view> rendered) = 0;

    virtual Result<CheckReport> verify(const MailboxPath& mailbox) = 0;
    virtual Result<> rebuild_index(const MailboxPath& mailbox) = 0;
};

}  // namespace sims::store
