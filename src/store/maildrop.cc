#include "store/maildrop.h"

#include <algorithm>

namespace sims::store {

EmbeddedMaildrop::EmbeddedMaildrop(std::shared_ptr<Mailbox> mailbox, Mailbox::View view)
    : mailbox_(std::move(mailbox)), view_(std::move(view)), edition_(view_.edition) {}

EmbeddedMaildrop::~EmbeddedMaildrop() { mailbox_->let_go(); }

std::span<const MessageEntry> EmbeddedMaildrop::messages() const {
    return {view_.entries->data(), view_.count};
}

void EmbeddedMaildrop::follow(const Mailbox::Source& source) {
    if (source.edition == edition_) return;
    moved_.emplace();
    for (std::size_t i = 0; i < source.count; ++i) {
        moved_->emplace((*source.moved)[i].uid, (*source.moved)[i]);
    }
    edition_ = source.edition;
}

Result<MessageEntry> EmbeddedMaildrop::locate(std::size_t number) const {
    const MessageEntry& entry = messages()[number];
    if (!moved_) return entry;
    const auto found = moved_->find(entry.uid);
    if (found == moved_->end()) {
        return fail(Fault::not_found, mailbox_->name().relative + ": another program removed message " +
                                          std::to_string(number + 1));
    }
    return found->second;
}

Result<bool> EmbeddedMaildrop::read(Reading& reading, std::size_t chunk_max, std::string& out) {
    check(reading.number < view_.count, "read of a message that is not in the maildrop");
    // Each chunk, lest bytes of another message are taken for this one's.
    auto source = mailbox_->source(edition_);
    if (!source) return source.error();
    follow(*source);
    if (reading.position > 0 && reading.edition != edition_) {
        return fail(Fault::busy,
                    mailbox_->name().relative + ": another program changed it while it was read");
    }
    reading.edition = edition_;
    auto entry = locate(reading.number);
    if (!entry) return entry.error();
    const std::uint64_t left = entry->stored_size - std::min(reading.position, entry->stored_size);
    if (left == 0) {
        if (reading.position == 0) reading.unquoter.finish(out);
        return false;
    }
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(left, std::max<std::size_t>(chunk_max, 1)));
    const auto buffer = std::make_unique_for_overwrite<char[]>(wanted);
    auto got = source->file->read_at(entry->offset + reading.position, std::span(buffer.get(), wanted));
    if (!got) return got.error();
    if (*got < wanted) return fail(Fault::busy, mailbox_->name().relative + ": cut short while it was read");
    std::string_view bytes(buffer.get(), wanted);
    if (reading.position == 0 && !bytes.starts_with(std::string_view("From ").substr(0, wanted))) {
        reading.from_line_ended = true;  // what precedes the first From_ line has none
    }
    reading.position += wanted;
    if (!reading.from_line_ended) {
        const auto end = bytes.find('\n');
        reading.from_line_ended = end != std::string_view::npos;
        bytes.remove_prefix(reading.from_line_ended ? end + 1 : bytes.size());
    }
    reading.unquoter.feed(bytes, out);
    if (wanted < left) return true;
    reading.unquoter.finish(out);
    return false;
}

}  // namespace sims::store
