#include "queue/journal_writer.h"

#include <iterator>
#include <utility>

#include "base/check.h"

namespace sims::queue {

namespace {

constexpr std::size_t mailboxes_in_record = 1024;

}  // namespace

void JournalWriter::run() {
    std::unique_lock lock(core_.mutex);
    for (;;) {
        core_.writer_wakes.wait(lock, [this] { return has_work() || core_.life == Core::Life::closing; });
        const bool closing = core_.life == Core::Life::closing && core_.urgent.empty() &&
                             core_.with_files.empty() && core_.syncing_files == 0;
        if (!has_work() && !closing) {
            // Closing, but content files are being synced: their jobs come yet.
            core_.writer_wakes.wait(lock, [this] {
                return has_work() || (core_.with_files.empty() && core_.syncing_files == 0);
            });
            continue;
        }
        Jobs jobs = take();
        lock.unlock();
        if (!jobs.empty()) write(std::move(jobs));
        lock.lock();
        if (closing && !has_work()) break;
    }
    core_.life = Core::Life::written;
    core_.keeper_wakes.notify_all();
}

bool JournalWriter::has_work() const { return !core_.urgent.empty() || core_.write_lazy; }

// Lazy jobs first: they are older. Then the mailboxes synced after them, then what is new.
JournalWriter::Jobs JournalWriter::take() {
    Jobs jobs;
    // Made here, where nothing is being written: a note told again must not follow a newer one.
    if (core_.carry) {
        Job job;
        job.notes = core_.ledger.notes_in(*std::exchange(core_.carry, std::nullopt));
        job.record = make_record(RecordKind::notes, encode_notes(job.notes));
        if (!job.notes.empty()) jobs.push_back(std::move(job));
    }
    std::move(core_.lazy.begin(), core_.lazy.end(), std::back_inserter(jobs));
    core_.lazy.clear();
    core_.write_lazy = false;
    while (!core_.synced.empty()) {
        Job job;
        while (!core_.synced.empty() && job.synced.size() < mailboxes_in_record) {
            job.synced.push_back(std::move(core_.synced.extract(core_.synced.begin()).value()));
        }
        job.record = make_record(RecordKind::synced, encode_mailboxes(job.synced));
        jobs.push_back(std::move(job));
    }
    if (jobs.empty()) {
        jobs = std::move(core_.urgent);
    } else {
        std::move(core_.urgent.begin(), core_.urgent.end(), std::back_inserter(jobs));
    }
    core_.urgent.clear();
    return jobs;
}

void JournalWriter::write(Jobs jobs) {
    auto first = jobs.begin();
    while (first != jobs.end()) {
        auto last = end_of_batch(first, jobs.end());
        if (last == first) {
            if (auto begun = next_segment(); !begun) return failed(first, jobs.end(), first, begun.error());
            last = end_of_batch(first, jobs.end());
            check(last != first, "a journal record longer than a segment");
        }
        if (auto written = write_batch(first, last); !written) {
            abandon_segment();
            return failed(first, jobs.end(), last, written.error());
        }
        succeeded(first, last);
        first = last;
    }
}

JournalWriter::Iterator JournalWriter::end_of_batch(Iterator first, Iterator last) const {
    std::uint64_t at = current_ ? current_->end : 0;
    for (; first != last && fits(*first, at); ++first) {
        if (first->record) at += first->record->bytes();
    }
    return first;
}

bool JournalWriter::fits(const Job& job, std::uint64_t at) const {
    return !job.record || (current_ && at + job.record->bytes() <= core_.limits.segment_bytes);
}

Result<> JournalWriter::next_segment() {
    std::unique_lock lock(core_.mutex);
    if (core_.ready.empty()) {
        core_.segment_wanted = true;
        core_.segment_error.reset();
        core_.keeper_wakes.notify_one();
        core_.writer_wakes.wait(lock, [this] { return !core_.ready.empty() || core_.segment_error; });
        core_.segment_wanted = false;
        if (core_.ready.empty()) return *core_.segment_error;
    }
    if (current_) current_->closed = core_.clock();
    core_.ledger.segments.push_back(std::move(core_.ready.front()));
    core_.ready.erase(core_.ready.begin());
    current_ = core_.ledger.segments.back().get();
    core_.begun_segment = true;
    core_.poke_keeper();
    return {};
}

Result<> JournalWriter::write_batch(Iterator first, Iterator last) {
    headers_.clear();
    headers_.reserve(static_cast<std::size_t>(last - first) * record_header_bytes);
    pieces_.clear();
    RecordPlace place;
    std::uint64_t bytes = 0;
    for (auto job = first; job != last; ++job) {
        if (!job->record) continue;
        // The check behind `fits`: there is a segment when there is a record.
        place = {current_->generation, static_cast<std::uint32_t>(current_->end)};
        const std::size_t at = headers_.size();
        append_record_header(*job->record, place, headers_);
        pieces_.push_back(std::string_view(headers_).substr(at, record_header_bytes));
        pieces_.push_back(job->record->head);
        if (job->record->body_bytes() != 0) pieces_.push_back(*job->record->body);
        bytes += job->record->bytes();
    }
    if (bytes == 0) return {};
    if (auto written = current_->file->write_at(current_->end, pieces_); !written) return written;
    core_.syncs.fetch_add(1, std::memory_order_relaxed);
    if (auto synced = current_->file->sync(); !synced) return synced;
    return {};
}

// Under the mutex: what is on stable storage now counts.
void JournalWriter::settle_accounts(Job& job) {
    std::uint64_t at = 0;
    if (job.record) {
        at = current_->end;
        current_->end += job.record->bytes();
    }
    for (const auto& mailbox : job.synced) core_.ledger.end_note(mailbox);
    for (const auto& note : job.notes) {
        core_.ledger.add_note(note, current_->generation);
        // Whoever synced that mailbox meanwhile did so before anything of this commit was in it.
        if (job.is_commit()) core_.synced.erase(note.mailbox);
    }
    for (const auto id : job.told) core_.ledger.told(id, *current_);
    if (job.is_commit()) {
        job.entry->content_offset = at + record_header_bytes + job.record->head.size();
        core_.ledger.add(std::move(job.entry), *current_);
        core_.commits.fetch_add(1, std::memory_order_relaxed);
        if (job.draft) job.draft->keep_file();
    }
    if (!job.remove.empty()) {
        std::move(job.remove.begin(), job.remove.end(), std::back_inserter(core_.remove));
        core_.poke_keeper();
    }
}

void JournalWriter::succeeded(Iterator first, Iterator last) {
    {
        const std::lock_guard lock(core_.mutex);
        for (auto job = first; job != last; ++job) {
            if (!job->refused) settle_accounts(*job);
        }
    }
    for (auto job = first; job != last; ++job) {
        if (!job->done) continue;
        if (job->refused) {
            job->done(*job->refused);
        } else {
            job->done({});
        }
    }
}

// Commits are refused for ever, the rest is written again with the next batch. What of a refused commit may
// be on the disk must be called off there.
void JournalWriter::failed(Iterator first, Iterator last, Iterator perhaps_written_to, const Error& error) {
    core_.log.line(LogLevel::failures, Service::queue, "", "spool.write_failed", "{}", error.text);
    Jobs again;
    std::vector<QueueId> refused;
    Job calling_off;
    std::vector<std::pair<Spool::Done, Error>> answers;
    for (auto job = first; job != last; ++job) {
        if (job->done) answers.emplace_back(std::move(job->done), job->refused.value_or(error));
        job->done = nullptr;
        if (job->refused) continue;
        if (!job->is_commit()) {
            if (job->record || !job->remove.empty()) again.push_back(std::move(*job));
            continue;
        }
        if (!job->notes.empty()) {
            // They stay true, and another commit may rely on them.
            Job notes;
            notes.record = make_record(RecordKind::notes, encode_notes(job->notes));
            notes.notes = std::move(job->notes);
            again.push_back(std::move(notes));
        }
        if (job >= perhaps_written_to) continue;
        refused.push_back(job->entry->message.id);
        if (job->draft) {
            job->draft->keep_file();
            calling_off.remove.push_back(job->draft->path());
        }
    }
    if (!refused.empty()) {
        calling_off.record = make_record(RecordKind::cancelled, encode_ids(refused));
        again.insert(again.begin(), std::move(calling_off));
    }
    {
        const std::lock_guard lock(core_.mutex);
        // At once when there is something to call off; if that fails too, with the next batch.
        core_.write_lazy = !refused.empty();
        std::move(core_.lazy.begin(), core_.lazy.end(), std::back_inserter(again));
        core_.lazy = std::move(again);
    }
    for (auto& [done, why] : answers) done(why);
}

void JournalWriter::abandon_segment() {
    const std::lock_guard lock(core_.mutex);
    current_->closed = core_.clock();
    current_->fate = Segment::Fate::discard;
    current_ = nullptr;
    core_.poke_keeper();
}

}  // namespace sims::queue
