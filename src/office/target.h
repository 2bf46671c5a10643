// Where one recipient of a queued message goes: kept with the recipient in the spool as a line of text, so
// that a restart delivers to the place that was promised.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "directory/directory.h"
#include "queue/message.h"
#include "store/mailbox_store.h"

namespace sims::office {

// Into a mailbox here.
struct MailboxTarget {
    directory::AccountName account;
    bool real_to = false;  // came by a unified or catch-all route: X-Real-To in front
};
// To another server: a domain for MX look-up, or a host with a port.
struct RemoteTarget {
    std::string host;
    std::uint16_t port = 0;
};
using Target = std::variant<MailboxTarget, RemoteTarget>;

// "account joe", "account joe@example.net real-to", "smtp example.com", "smtp mx.example.com 2525".
std::string target_text(const Target& target);
std::optional<Target> parse_target(std::string_view text);

// "mx.example.com", "mx.example.com:2525", "[2001:db8::1]:25". Nothing for an empty text or a port that is
// none.
std::optional<RemoteTarget> parse_host(std::string_view text);

// The key under which the schedule gathers what goes the same way: "example.com", "mx.example.com:2525".
std::string destination_of(const RemoteTarget& target);

// Where an account's mail lies.
store::MailboxPath mailbox_of(const directory::AccountName& account);

// When a message was accepted, by its id: the same after a restart, so that its mailbox entry is rendered the
// same.
inline TimePoint accepted_at(queue::QueueId id) { return TimePoint(std::chrono::microseconds(id.value)); }

}  // namespace sims::office
