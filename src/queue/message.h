// A message in the queue, as values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/strong.h"
#include "base/time.h"
#include "mail/envelope.h"

namespace sims::queue {

// Unique for the life of the installation: microseconds of the moment of acceptance, made to rise always.
// Written as base-32 text (digits and capitals without I, L, O, U), 11 characters or more.
struct QueueId : Strong<std::uint64_t, QueueId> {
    std::string text() const;
    static std::optional<QueueId> parse(std::string_view text);
};

enum class RecipientState { waiting, sending, held, delivered, failed };
std::string_view name_of(RecipientState state);
bool is_over(RecipientState state);  // delivered or failed: nothing more is tried

struct QueuedRecipient {
    mail::Address address;   // where it goes now
    std::string original{};  // as the sender gave it, when that was another (alias, mirror); else empty
    RecipientState state = RecipientState::waiting;
    std::uint32_t attempts = 0;
    TimePoint next{};          // not tried before
    std::string host{};        // the last tried
    std::string last_reply{};  // the last attempt's outcome, in the peer's words or ours
    std::string route{};  // where it goes, in the office's own words; kept and given back as it is; empty:
                          // ask the router
    bool warned = false;  // the sender was told of the delay
};

struct QueuedMessage {
    QueueId id;
    mail::ReversePath sender;
    mail::BodyType body_type = mail::BodyType::seven_bit;
    bool smtputf8 = false;
    TimePoint received{};
    std::uint64_t size = 0;  // of the content: trace fields and message, CRLF
    std::vector<QueuedRecipient> recipients;
};
bool is_over(const QueuedMessage& message);  // every recipient is

// The content: what is relayed or stored, beginning with our own Received field, exact bytes, CRLF line ends.
// Readers are cheap to copy the pointer of; content lives as long as any of them.
class Content {
public:
    virtual ~Content() = default;
    virtual std::uint64_t size() const = 0;
    // The whole content when it is in memory; nothing when it must be read in pieces.
    virtual std::optional<std::string_view> in_memory() const = 0;
    // At most `bytes_max` from `offset`; may block on the disk.
    virtual Result<std::string> read(std::uint64_t offset, std::size_t bytes_max) const = 0;
};
using ContentPointer =
    std::shared_ptr<const Content>;  // held by the spool's entry, by a delivery, by a relay session

}  // namespace sims::queue
