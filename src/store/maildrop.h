// The embedded store's maildrop: a snapshot of a mailbox's entries, and the mailbox to read from.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "store/mailbox.h"

namespace sims::store {

class EmbeddedMaildrop final : public Maildrop {
public:
    // Shares the mailbox with the store's table.
    EmbeddedMaildrop(std::shared_ptr<Mailbox> mailbox, Mailbox::View view);
    ~EmbeddedMaildrop() override;
    EmbeddedMaildrop(const EmbeddedMaildrop&) = delete;
    EmbeddedMaildrop& operator=(const EmbeddedMaildrop&) = delete;

    std::span<const MessageEntry> messages() const override;
    Result<bool> read(Reading& reading, std::size_t chunk_max, std::string& out) override;

    Mailbox& mailbox() { return *mailbox_; }

private:
    // Where the message lies in the edition at hand.
    Result<MessageEntry> locate(std::size_t number) const;
    void follow(const Mailbox::Source& source);

    std::shared_ptr<Mailbox> mailbox_;
    Mailbox::View view_;
    std::uint64_t edition_;
    // Once another program moved messages: where they are now.
    std::optional<std::unordered_map<Uid, MessageEntry, UidHash>> moved_;
};

}  // namespace sims::store
