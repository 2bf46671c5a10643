// From the end of data to the answer: expand, commit, deliver, say 250.
#include "mail/header.h"
#include "mail/trace.h"
#include "office/office.h"

namespace sims::office {

namespace {

class IncomingMessage final : public Incoming {
public:
    IncomingMessage(std::unique_ptr<queue::Draft> draft, mail::Peer peer, mail::Envelope envelope,
                    std::size_t mirrors)
        : draft_(std::move(draft)),
          peer_(std::move(peer)),
          envelope_(std::move(envelope)),
          mirrors_(mirrors) {}
    queue::QueueId id() const override { return draft_->id(); }
    Result<> append(std::string_view bytes) override { return draft_->append(bytes); }
    bool next_append_blocks(std::size_t bytes) const override { return draft_->next_append_blocks(bytes); }
    std::uint64_t size() const override { return draft_->size(); }

    std::unique_ptr<queue::Draft> draft_;
    mail::Peer peer_;
    mail::Envelope envelope_;
    std::size_t mirrors_;  // among the recipients when it began: their lists have to be read
};

}  // namespace

Refusal refusal_of(const Error& error) {
    switch (error.fault) {
        case Fault::no_space: return {452, "4.3.1 No space left on the server, try again later"};
        case Fault::limit: return {552, "5.3.4 The message is too large for this server"};
        case Fault::invalid:
        case Fault::not_found:
        case Fault::exists:
        case Fault::refused:
        case Fault::busy:
        case Fault::corrupt:
        case Fault::io:
        case Fault::unavailable: break;
    }
    return {451, "4.3.0 The server can't take the message now, try again later"};
}

Result<std::unique_ptr<Incoming>> Office::receive(const mail::Peer& peer, const mail::Envelope& envelope) {
    auto draft = parts_.spool.draft();
    if (!draft) return draft.error();
    std::string trace;
    const auto mirrors = expander_.mirrors(envelope);
    for (const auto& mirror : mirrors) {
        const bool bare = mirror.find('@') == std::string::npos;
        trace += "Delivered-To: <" + mirror + (bare ? "@" + parts_.directory.main_domain() : std::string()) +
                 ">\r\n";
    }
    mail::ReceivedField what{settings_.hostname, (*draft)->id().text(), parts_.clock(), {}};
    if (envelope.recipients.size() == 1) what.for_address = envelope.recipients.front().address.text();
    trace += mail::received_field(peer, envelope, what);
    if (auto added = (*draft)->append(trace); !added) return added.error();
    return std::unique_ptr<Incoming>(
        std::make_unique<IncomingMessage>(std::move(*draft), peer, envelope, mirrors.size()));
}

void Office::accept(std::unique_ptr<Incoming> incoming, std::function<void(Accepted)> done) {
    auto& message = static_cast<IncomingMessage&>(*incoming);
    // RFC 5321 6.3: our own field is one of them.
    if (mail::count_received(message.draft_->beginning()) > settings_.received_hops_max + 1) {
        parts_.log.line(LogLevel::problems, Service::smtp, message.id().text(), "smtp.loop",
                        "refused a message that has passed {} servers: a mail loop",
                        settings_.received_hops_max);
        return done(Refusal{554, "5.4.6 The message is in a loop: it has passed too many servers"});
    }
    auto begun = std::make_shared<Commit>();  // passed along from thread to thread, one at a time
    begun->draft = std::move(message.draft_);
    begun->peer = std::move(message.peer_);
    begun->envelope = std::move(message.envelope_);
    begun->done = std::move(done);
    if (message.mirrors_ > 0) {
        local_->run([this, begun] { commit(begun); });
    } else {
        commit(begun);
    }
}

void Office::commit(std::shared_ptr<Commit> begun) {
    auto expansion = expander_.expand(begun->envelope);
    if (!expansion) {
        parts_.log.line(LogLevel::failures, Service::smtp, begun->draft->id().text(),
                        "office.expansion_failed", "{}", expansion.error().text);
        if (expansion.error().fault == Fault::limit)
            return begun->done(Refusal{452, "4.5.3 Too many recipients"});
        return begun->done(refusal_of(expansion.error()));
    }
    for (const auto& sentence : expansion->log) {
        parts_.log.line(LogLevel::problems, Service::smtp, begun->draft->id().text(), "office.bad_member",
                        "{}", sentence);
    }
    if (!expansion->refused.empty()) {
        // An account or a record went while the message came in. Nobody may get a 250 for a recipient who
        // gets nothing; a client that tries again hears at RCPT which one it is.
        if (expansion->recipients.empty() && expansion->discarded == 0) {
            return begun->done(Refusal{550, expansion->refused.front()});
        }
        return begun->done(Refusal{451, "4.3.0 A recipient is gone meanwhile, try again"});
    }
    auto& message = begun->message;
    message.id = begun->draft->id();
    message.received = accepted_at(message.id);
    message.sender = begun->envelope.sender;
    message.body_type = begun->envelope.body;
    message.smtputf8 = begun->envelope.smtputf8;
    message.size = begun->draft->size();
    message.recipients = std::move(expansion->recipients);
    if (message.recipients.empty()) {
        parts_.log.line(LogLevel::major, Service::smtp, message.id.text(), "office.discarded",
                        "from <{}>, {} bytes: accepted and discarded, as the Router says",
                        message.sender.text(), message.size);
        return begun->done(message.id);
    }
    for (const auto& recipient : message.recipients) {
        const auto target = parse_target(recipient.route);
        if (const auto* mailbox = std::get_if<MailboxTarget>(&*target)) {
            begun->mailboxes.push_back(mailbox_of(mailbox->account));
        }
    }
    auto notes = ledger_.expect(begun->mailboxes);
    if (!notes) {
        // A mailbox not seen of late: its length is asked for where blocking hurts nobody.
        local_->run([this, begun] {
            for (const auto& mailbox : ledger_.unknown(begun->mailboxes)) {
                auto clean = parts_.store.clean_length(mailbox);
                // What can't be looked at can't be written either: the delivery will say so, and wait.
                ledger_.learn(mailbox, clean ? *clean : store::CleanLength{});
            }
            auto known = ledger_.expect(begun->mailboxes);
            if (!known) return begun->done(Refusal{451, "4.3.0 The server is busy, try again later"});
            parts_.spool.commit(std::move(begun->draft), begun->message, std::move(*known),
                                [this, begun](Result<> result) { committed(begun, std::move(result)); });
        });
        return;
    }
    parts_.spool.commit(std::move(begun->draft), message, std::move(*notes),
                        [this, begun](Result<> result) { committed(begun, std::move(result)); });
}

void Office::committed(const std::shared_ptr<Commit>& begun, Result<> result) {
    const auto id = begun->message.id;
    if (!result) {
        ledger_.commit_failed(begun->mailboxes);
        parts_.log.line(LogLevel::failures, Service::smtp, id.text(), "spool.commit_failed",
                        "the message could not be made durable: {}", result.error().text);
        return begun->done(refusal_of(result.error()));
    }
    const auto now = parts_.clock();
    auto& message = begun->message;
    parts_.log.line(LogLevel::major, Service::smtp, id.text(), "smtp.received",
                    "from <{}> by {} [{}]{}{}, {} bytes, {} recipient(s), first <{}>", message.sender.text(),
                    begun->peer.hello, begun->peer.address, begun->peer.tls ? " over TLS" : "",
                    begun->peer.account.empty() ? "" : " as " + begun->peer.account, message.size,
                    message.recipients.size(), message.recipients.front().address.text());
    book_.enter(message, now);
    auto done = std::move(begun->done);
    if (begun->mailboxes.size() < message.recipients.size()) wake_relay();
    if (begun->mailboxes.empty()) return done(id);
    auto content = parts_.spool.content(id);
    if (!content) {
        // Durable, but not readable now: it is delivered later.
        for (std::size_t i = 0; i < message.recipients.size(); ++i) {
            (void)book_.settle_local({id, i}, Book::Outcome::deferred, content.error().text, now);
        }
        return done(id);
    }
    const auto rendering = std::make_shared<const Rendering>(Rendering{message, *content});
    // Answers when the last job lets go of it.
    const std::shared_ptr<void> on_last(nullptr, [done, id](void*) { done(id); });
    std::vector<LocalJob> jobs;
    for (std::size_t i = 0; i < message.recipients.size(); ++i) {
        const auto target = parse_target(message.recipients[i].route);
        if (const auto* mailbox = std::get_if<MailboxTarget>(&*target)) {
            jobs.push_back({{id, i}, *mailbox, rendering, on_last});
        }
    }
    local_->deliver(std::move(jobs));
}

}  // namespace sims::office
