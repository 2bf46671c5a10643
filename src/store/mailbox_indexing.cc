// Mailbox: how its index follows the file.
#include <algorithm>

#include "store/mailbox.h"

namespace sims::store {
namespace {

constexpr std::size_t samples = 8;

}  // namespace

std::string Mailbox::index_path() const { return around_.base + "/Index/" + name_.relative + ".idx"; }

std::optional<MailboxIndex> Mailbox::load_index() {
    auto bytes = os::read_file(around_.files, index_path(), index_bytes_max);
    if (!bytes) return std::nullopt;
    return MailboxIndex::decode(*bytes);
}

void Mailbox::save_index() {
    const std::string path = index_path();
    auto file = around_.files.open(path, os::Open::create);
    if (!file && file.error().fault == Fault::not_found) {
        if (around_.files.make_folder(os::folder_of(path))) {
            file = around_.files.open(path, os::Open::create);
        }
    }
    const std::string bytes = index_->encode();
    Result<> done;
    if (file) {
        // No sync: what a crash tears, the checksums find.
        done = (*file)->write_at(0, bytes);
        if (done) done = (*file)->truncate(bytes.size());
    }
    if (!file || !done) {
        around_.log.line(LogLevel::problems, Service::queue, "", "store.index_not_saved", "{}",
                         file ? done.error().text : file.error().text);
        return;
    }
    index_saved_ = true;
    appended_unindexed_ = 0;
}

// Brings the index on disk near enough to the file that its next reader has at most `unindexed` bytes to
// scan.
void Mailbox::settle_index(std::uint64_t unindexed) {
    if (index_) {
        if (!index_saved_) save_index();
        return;
    }
    if (!file_ || appended_unindexed_ == 0) return;
    auto file = around_.files.open(index_path(), os::Open::read);
    auto bytes = file ? (*file)->read_text(0, MailboxIndex::header_size) : Result<std::string>(std::string());
    const auto header = bytes ? MailboxIndex::decode_header(*bytes) : std::nullopt;
    const bool near = header && header->covered.inode == file_inode_ && known_ &&
                      header->covered.size <= known_->size &&
                      known_->size - header->covered.size <= unindexed;
    if (near) return;
    auto lock = lock_current();
    if (!lock || !refresh_index()) return;
    if (!index_saved_) save_index();
    index_.reset();
    count_cached();
}

Result<std::vector<ScannedMessage>> Mailbox::scan(std::uint64_t from, std::uint64_t to) {
    std::vector<ScannedMessage> found;
    MailboxScanner scanner(from);
    file_->advise_sequential();
    const auto buffer = std::make_unique<char[]>(chunk);
    while (from < to) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(chunk, to - from));
        auto got = file_->read_at(from, std::span(buffer.get(), wanted));
        if (!got) return got.error();
        if (*got == 0) return fail(Fault::busy, path_ + ": cut short while it was read");
        scanner.feed({buffer.get(), *got}, found);
        from += *got;
    }
    scanner.finish(found);
    return found;
}

// Whether From_ lines still stand where the index says, here and there.
Result<bool> Mailbox::samples_hold() {
    const std::size_t count = index_->size();
    // What precedes the first From_ line is a message without one.
    for (std::size_t i = 0; i < samples && count > 1; ++i) {
        const std::size_t number = 1 + i * (count - 1) / samples;
        const std::uint64_t offset = (*index_)[number].offset;
        auto text = file_->read_text(offset - 1, 6);
        if (!text) return text.error();
        if (*text != "\nFrom ") return false;
    }
    return true;
}

// Takes in what was added behind the messages of the index. false: the index is not right for the file.
Result<bool> Mailbox::extend_index() {
    const auto& covered = index_->covered();
    if (covered.inode != known_->inode || known_->size <= covered.size || index_->size() == 0) return false;
    auto hold = samples_hold();
    if (!hold || !*hold) return hold;
    const MessageEntry& last = (*index_)[index_->size() - 1];
    // The last message is read again: it proves the place, and may have grown.
    auto found = scan(last.offset, known_->size);
    if (!found) return found.error();
    if (found->empty() || found->front().offset != last.offset ||
        found->front().digest != index_->digest_of(last.uid) ||
        found->front().end != last.offset + last.stored_size) {
        return false;
    }
    index_->add(std::span(*found).subspan(1));
    return true;
}

Result<> Mailbox::refresh_index() {
    if (!index_) index_ = load_index();
    if (index_ && index_->covered() == *known_) {
        count_cached();
        return {};
    }
    if (!index_) index_.emplace();
    auto extended = extend_index();
    if (!extended) return extended.error();
    if (!*extended) {
        auto found = scan(0, known_->size);
        if (!found) return found.error();
        MailboxIndex fresh;
        fresh.add(*found, *index_);
        index_ = std::move(fresh);
        ++edition_;
    }
    index_->set_covered(*known_);
    index_saved_ = false;
    appended_unindexed_ = 0;
    count_cached();
    return {};
}

Result<> Mailbox::rebuild_index() {
    const std::lock_guard guard(mutex_);
    if (is_held_) return fail(Fault::busy, name_.relative + ": a session holds the mailbox");
    auto lock = lock_current();
    if (!lock) return lock.error();
    index_.emplace();
    ++edition_;
    auto found = scan(0, known_->size);
    if (!found) {
        index_.reset();
        return found.error();
    }
    index_->add(*found);
    index_->set_covered(*known_);
    index_saved_ = false;
    count_cached();
    save_index();
    if (!index_saved_) return fail(Fault::io, index_path() + ": the index could not be written; see the log");
    return {};
}

Result<CheckReport> Mailbox::verify() {
    const std::lock_guard guard(mutex_);
    auto lock = lock_current();
    if (!lock) return lock.error();
    if (auto fresh = refresh_index(); !fresh) return fresh.error();
    auto found = scan(0, known_->size);
    if (!found) return found.error();
    CheckReport report;
    report.messages = found->size();
    if (found->size() != index_->size()) {
        report.problems.push_back("the index has " + std::to_string(index_->size()) + " messages, the file " +
                                  std::to_string(found->size()));
    }
    constexpr std::size_t problems_max = 100;
    for (std::size_t i = 0; i < std::min(found->size(), index_->size()); ++i) {
        const auto& message = (*found)[i];
        const auto& entry = (*index_)[i];
        const bool same = message.offset == entry.offset && message.wire_size == entry.wire_size &&
                          message.end - message.offset == entry.stored_size &&
                          message.digest == index_->digest_of(entry.uid);
        if (same) continue;
        report.problems.push_back("message " + std::to_string(i + 1) + " at byte " +
                                  std::to_string(message.offset) + " is not as the index says");
        if (report.problems.size() == problems_max) break;
    }
    return report;
}

}  // namespace sims::store
