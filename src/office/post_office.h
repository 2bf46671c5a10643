// The post office speaks mail: judge, accept, expand, deposit, deliver, bounce. The one place where policy
// (directory, router, guard) meets storage (spool, mailboxes). Knows no protocol and no socket. Thread-safe.
// It has threads of its own for local delivery and checkpoints.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "directory/directory.h"
#include "mail/envelope.h"
#include "queue/message.h"
#include "queue/schedule.h"
#include "queue/spool.h"
#include "route/router.h"
#include "store/mailbox_store.h"

namespace sims::office {

// Why something is not taken, as an SMTP answer: code 4yz or 5yz, text with its enhanced code in front
// ("5.1.1 ...").
struct Refusal {
    int code = 451;
    std::string text;
};

// A message being received. Abandoned by its destructor.
class Incoming {
public:
    virtual ~Incoming() = default;
    virtual queue::QueueId id() const = 0;
    // Content as the sender meant it: CRLF lines, dot-stuffing undone. May block on the disk when blocks()
    // says so.
    virtual Result<> append(std::string_view bytes) = 0;
    virtual bool next_append_blocks(std::size_t bytes) const = 0;
    virtual std::uint64_t size() const = 0;
};

using Accepted = std::variant<queue::QueueId, Refusal>;

// What the queue runner should do: one SMTP transaction.
struct RelayTask {
    queue::Assignment assignment;
    std::string host;        // of the route: a domain for MX look-up, a host when port is set, a literal
    std::uint16_t port = 0;  // 0: MX look-up and the configured port
    queue::QueuedMessage message;  // recipients: all of the message's
    std::vector<mail::Address>
        recipients;  // as the peer shall hear them, in the order of assignment.recipients
    queue::ContentPointer content;
};

enum class RelayResult { delivered, deferred, failed };
struct RelayOutcome {
    RelayResult result = RelayResult::deferred;
    std::string host;   // "mx.example.net [192.0.2.1]" the words came from, or empty
    std::string reply;  // the peer's words, "250 2.0.0 Ok", or ours
};

struct OfficeSettings {
    std::string hostname;
    std::vector<std::string>
        own_addresses;  // of this machine's interfaces, "192.0.2.1": [literals] that are ours
    std::size_t delivery_threads = 1;
    std::chrono::milliseconds checkpoint_interval{1000};
    std::size_t received_hops_max = 50;  // RFC 5321 6.3: at least 100 is allowed, loops show sooner
    std::size_t recipients_max = 1000;   // of one message, after RCPT
};

class PostOffice {
public:
    struct Parts {
        os::FileSystem& files;
        std::string base;  // the base folder: mirrors' lists are read there
        directory::Directory& directory;
        store::MailboxStore& store;
        queue::Spool& spool;
        Log& log;
        Clock clock;
    };
    // Takes up what the spool recovered: mailboxes are mended, the rest goes on waiting.
    static Result<std::unique_ptr<PostOffice>> open(Parts parts, OfficeSettings settings);
    // Finishes what is being delivered and checkpoints.
    virtual ~PostOffice() = default;

    // MAIL and RCPT. From memory, never blocks. Nothing: welcome.
    virtual std::optional<Refusal> judge_sender(const mail::Peer& peer,
                                                const mail::ReversePath& sender) const = 0;
    virtual std::optional<Refusal> judge_recipient(const mail::Peer& peer, const mail::ReversePath& sender,
                                                   const mail::Address& recipient) const = 0;
    virtual route::Route route(const mail::Address& address) const = 0;
    // Whether a host or login may send anywhere (client hosts, logged-in senders).
    virtual bool may_relay(const mail::Peer& peer) const = 0;
    virtual std::uint64_t message_bytes_max() const = 0;

    // DATA, BDAT: begins a message; its Received field is already in it.
    virtual Result<std::unique_ptr<Incoming>> receive(const mail::Peer& peer,
                                                      const mail::Envelope& envelope) = 0;
    // The end of data. `done` (on a thread of the office or the spool) says what to answer: an id means it is
    // durable, and that local recipients can read it, if their mailboxes could be written at once.
    virtual void accept(std::unique_ptr<Incoming> message, std::function<void(Accepted)> done) = 0;

    // The queue runner's side.
    virtual std::optional<RelayTask> next_relay() = 0;
    virtual std::optional<RelayTask> next_relay_for(const std::string& destination) = 0;
    // One outcome for each of task.recipients. Failures are told to the sender.
    virtual void relay_finished(RelayTask task, std::vector<RelayOutcome> outcomes,
                                queue::DestinationOutcome destination) = 0;
    virtual std::optional<TimePoint> next_relay_due() const = 0;
    // `wake` is called, from any thread, when next_relay() may have something it had not before.
    virtual void on_relay_work(std::function<void()> wake) = 0;

    // POP3. Blocks.
    virtual Result<std::unique_ptr<store::Maildrop>> open_maildrop(const directory::Account& account) = 0;
    virtual Result<> remove_messages(const directory::Account& account, std::unique_ptr<store::Maildrop> drop,
                                     std::vector<std::size_t> numbers) = 0;

    // Accounts with their mailboxes: what the directory alone can't do. Block.
    virtual Result<> add_account(const directory::AccountName& name,
                                 const directory::AccountChange& change) = 0;
    virtual Result<> rename_account(const directory::AccountName& from, const directory::AccountName& to) = 0;
    virtual Result<> remove_account(const directory::AccountName& name) = 0;
    virtual Result<store::MailboxStatus> mailbox_status(const directory::Account& account) = 0;

    // The Router table: compiled and saved, or refused whole with its faulty lines.
    virtual Result<> set_router_table(std::string_view text) = 0;

    // The administrator's view of the queue. An empty address or id means all of them.
    virtual std::vector<queue::QueuedMessage> queue() const = 0;
    virtual Result<> retry(std::optional<queue::QueueId> id) = 0;
    virtual Result<> hold(queue::QueueId id) = 0;
    virtual Result<> release(queue::QueueId id) = 0;
    virtual Result<> remove(queue::QueueId id) = 0;

    // Everything delivered so far is on stable storage when it returns.
    virtual Result<> checkpoint() = 0;
};

}  // namespace sims::office
