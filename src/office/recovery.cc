#include "office/recovery.h"

#include <map>

#include "office/local_delivery.h"

namespace sims::office {

namespace {

struct Undelivered {
    std::size_t message;  // index in Recovered::messages
    std::size_t recipient;
    MailboxTarget target;
};

std::map<std::string, std::vector<Undelivered>> undelivered_by_mailbox(const queue::Recovered& recovered) {
    std::map<std::string, std::vector<Undelivered>> by_mailbox;
    for (std::size_t m = 0; m < recovered.messages.size(); ++m) {
        const auto& recipients = recovered.messages[m].recipients;
        for (std::size_t r = 0; r < recipients.size(); ++r) {
            if (recipients[r].state == queue::RecipientState::delivered ||
                recipients[r].state == queue::RecipientState::failed) {
                continue;
            }
            const auto target = parse_target(recipients[r].route);
            if (!target) continue;
            if (const auto* mailbox = std::get_if<MailboxTarget>(&*target)) {
                by_mailbox[mailbox_of(mailbox->account).relative].push_back({m, r, *mailbox});
            }
        }
    }
    return by_mailbox;
}

}  // namespace

Result<> mend_mailboxes(RecoveryParts parts, queue::Recovered& recovered) {
    auto by_mailbox = undelivered_by_mailbox(recovered);
    std::vector<queue::Update> updates;
    std::vector<std::string> mended;
    for (const auto& note : recovered.notes) {
        auto& undelivered = by_mailbox[note.mailbox];
        std::sort(undelivered.begin(), undelivered.end(), [&](const auto& a, const auto& b) {
            return recovered.messages[a.message].id < recovered.messages[b.message].id;
        });
        std::vector<std::string> rendered;
        Result<> readable;
        for (const auto& one : undelivered) {
            const auto& message = recovered.messages[one.message];
            auto content = parts.spool.content(message.id);
            if (!content) {
                readable = content.error();
                break;
            }
            auto text = render_for(message, one.recipient, one.target, *content);
            if (!text) {
                readable = text.error();
                break;
            }
            rendered.push_back(std::move(*text));
        }
        const std::vector<std::string_view> pieces(rendered.begin(), rendered.end());
        Result<std::size_t> appended =
            readable ? parts.store.recover({note.mailbox}, {note.clean_length, note.inode}, pieces)
                     : Result<std::size_t>(readable.error());
        if (!appended) {
            parts.log.line(LogLevel::failures, Service::server, "", "office.recovery_failed",
                           "{} could not be mended after the crash, its mail waits: {}", note.mailbox,
                           appended.error().text);
            continue;
        }
        if (!undelivered.empty()) {
            parts.log.line(LogLevel::major, Service::server, "", "office.recovered",
                           "{}: {} message(s) of the journal were there, {} were added", note.mailbox,
                           undelivered.size() - *appended, *appended);
        }
        for (const auto& one : undelivered) {
            auto& message = recovered.messages[one.message];
            message.recipients[one.recipient].state = queue::RecipientState::delivered;
            updates.push_back({message.id, one.recipient, message.recipients[one.recipient]});
        }
        mended.push_back(note.mailbox);
    }
    if (updates.empty() && mended.empty()) return {};
    auto known =
        wait_for_spool([&](queue::Spool::Done then) { parts.spool.update(updates, std::move(then)); });
    if (!known) return known;
    parts.spool.mailboxes_synced(mended);
    return {};
}

}  // namespace sims::office
