#include "queue/keeper.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "queue/settled_file.h"

namespace sims::queue {

namespace {

constexpr std::size_t settle_at_once = 64;  // files, between two looks at what is urgent

}  // namespace

void Keeper::run() {
    Lock lock(core_.mutex);
    for (;;) {
        if (serve(lock)) continue;
        if (core_.life == Core::Life::written) break;
        if (!core_.look) {
            core_.keeper_wakes.wait(
                lock, [this] { return core_.look || is_wanted() || core_.life == Core::Life::written; });
            continue;
        }
        core_.look = false;
        aged_ = aged_ || std::exchange(core_.begun_segment, false);
        remove_files(lock);
        if (core_.life != Core::Life::open) continue;
        look_after_segments(lock);
        const auto wanted = std::max<std::size_t>(core_.limits.spare_segments, 1);
        if (!segment_failed_ && core_.ready.size() < wanted) {
            prepare_segment(lock);
            core_.look = true;
        }
    }
    remove_files(lock);
}

bool Keeper::is_wanted() const {
    return !core_.with_files.empty() || (core_.segment_wanted && core_.ready.empty() && !core_.segment_error);
}

bool Keeper::serve(Lock& lock) {
    if (!is_wanted()) return false;
    if (core_.with_files.empty()) {
        prepare_segment(lock);
    } else {
        sync_files(lock);
    }
    return true;
}

// The contents' files and their names are made durable before the records that name them are written.
void Keeper::sync_files(Lock& lock) {
    std::vector<Job> jobs = std::move(core_.with_files);
    core_.with_files.clear();
    core_.syncing_files += jobs.size();
    lock.unlock();
    bool any = false;
    for (auto& job : jobs) {
        if (auto synced = job.draft->sync_file(); synced) {
            any = true;
        } else {
            job.refused = synced.error();
        }
    }
    if (any) {
        if (auto synced = core_.files.sync_folder(core_.folder); !synced) {
            for (auto& job : jobs) {
                if (!job.refused) job.refused = synced.error();
            }
        }
    }
    for (auto& job : jobs) {
        if (!job.refused) continue;
        job.record.reset();
        job.entry.reset();
        job.draft.reset();
        job.notes.clear();
    }
    lock.lock();
    core_.syncing_files -= jobs.size();
    std::move(jobs.begin(), jobs.end(), std::back_inserter(core_.urgent));
    core_.writer_wakes.notify_one();
}

void Keeper::prepare_segment(Lock& lock) {
    const QueueId last{{core_.last_id.load(std::memory_order_relaxed)}};
    lock.unlock();
    auto segment = segments_.prepare(last);
    lock.lock();
    segment_failed_ = !segment;
    if (segment) {
        core_.ready.push_back(std::move(*segment));
    } else {
        core_.segment_error = segment.error();
        report("spool.segment_failed", segment.error());
    }
    core_.writer_wakes.notify_one();
}

void Keeper::remove_files(Lock& lock) {
    std::move(core_.remove.begin(), core_.remove.end(), std::back_inserter(removals_));
    core_.remove.clear();
    if (removals_.empty()) return;
    lock.unlock();
    std::vector<std::string> again;
    for (auto& path : removals_) {
        const auto removed = core_.files.remove(path);
        if (removed || removed.error().fault == Fault::not_found) continue;
        report("spool.remove_failed", removed.error());
        again.push_back(std::move(path));
    }
    removals_unsynced_ = true;
    removals_ = std::move(again);
    lock.lock();
}

// Frees, the oldest first, what may go or has to.
void Keeper::look_after_segments(Lock& lock) {
    auto& segments = core_.ledger.segments;
    const auto crowd = core_.limits.segments_max - core_.limits.segments_max / 4;
    if (segments.size() < crowd) pressed_ = false;
    if (segments.size() >= crowd && !pressed_ && core_.pressure) {
        pressed_ = true;
        const auto callback = core_.pressure;
        lock.unlock();
        callback();
        lock.lock();
    }
    // The youngest is being written to, unless it was given up.
    while (core_.life == Core::Life::open && !segments.empty() && segments.front()->closed) {
        Segment& oldest = *segments.front();
        if (oldest.unfinished != 0 && !must_go(oldest)) break;
        if (auto freed = free_oldest(lock); !freed) {
            report("spool.free_failed", freed.error());
            return;
        }
        segment_failed_ = false;
    }
    aged_ = false;
}

bool Keeper::must_go(const Segment& oldest) const {
    if (core_.ledger.segments.size() > core_.limits.segments_max) return true;
    return aged_ && *oldest.closed + core_.limits.settle_after <= core_.clock();
}

Result<> Keeper::free_oldest(Lock& lock) {
    Segment& oldest = *core_.ledger.segments.front();
    core_.carry = oldest.generation;
    // Whatever was told before is in the journal now: what is settled from memory is never ahead of it.
    if (auto flushed = flush(lock); !flushed) return flushed;
    if (auto settled = settle(lock, oldest); !settled) return settled;
    if (!core_.ledger.notes_in(oldest.generation).empty()) {
        return fail(Fault::busy, "mailbox notes could not be written again");
    }
    remove_files(lock);
    if (!removals_.empty()) return fail(Fault::io, "files of finished messages could not be removed");
    lock.unlock();
    Result<> freed;
    if (std::exchange(removals_unsynced_, false)) freed = core_.files.sync_folder(core_.folder);
    if (!freed) removals_unsynced_ = true;
    if (freed) freed = segments_.free(oldest);
    lock.lock();
    if (freed) core_.ledger.segments.pop_front();
    return freed;
}

// Waits until everything handed in so far is written. Goes on serving meanwhile: the writer may need a
// segment.
Result<> Keeper::flush(Lock& lock) {
    struct Answer {
        std::optional<Result<>> result;
    };
    auto answer = std::make_shared<Answer>();  // also held by the callback, which may outlive the wait
    Job marker;
    marker.done = [this, answer](Result<> result) {
        const std::lock_guard guard(core_.mutex);
        answer->result = std::move(result);
        core_.keeper_wakes.notify_one();
    };
    core_.urgent.push_back(std::move(marker));
    core_.writer_wakes.notify_one();
    while (!answer->result && core_.life != Core::Life::written) {
        if (serve(lock)) continue;
        core_.keeper_wakes.wait(lock, [this, &answer] {
            return answer->result || core_.life == Core::Life::written || is_wanted();
        });
    }
    if (!answer->result) return fail(Fault::unavailable, "the spool is being closed");
    return *answer->result;
}

Result<> Keeper::settle(Lock& lock, Segment& segment) {
    for (;;) {
        auto ids = core_.ledger.to_settle(segment);
        if (ids.empty()) return {};
        if (core_.life != Core::Life::open) return fail(Fault::unavailable, "the spool is being closed");
        if (ids.size() > settle_at_once) ids.resize(settle_at_once);
        auto batch = snapshot(ids);
        lock.unlock();
        Result<> all;
        for (auto& settling : batch) {
            settling.result = write_settled(settling);
            if (!settling.result) all = settling.result;
        }
        if (auto synced = core_.files.sync_folder(core_.folder); !synced) {
            all = synced;
            for (auto& settling : batch) settling.result = synced;
        }
        lock.lock();
        settled(segment, batch);
        if (!all) return all;
        while (serve(lock)) {
        }
    }
}

std::vector<Keeper::Settling> Keeper::snapshot(const std::vector<QueueId>& ids) {
    std::vector<Settling> batch;
    batch.reserve(ids.size());
    for (const auto id : ids) {
        Entry* const entry = core_.ledger.find(id);
        check(entry != nullptr, "settling a message that is not in the spool");
        Settling settling;
        settling.id = id;
        settling.source = *core_.ledger.source(id);
        settling.inside = entry->place == ContentPlace::inside;
        settling.envelope = format_settled({entry->message, entry->place, entry->content_crc});
        core_.ledger.begin_settling(*entry);
        batch.push_back(std::move(settling));
    }
    return batch;
}

Result<> Keeper::write_settled(const Settling& settling) {
    std::string content;
    if (settling.inside) {
        const auto source = open_content(core_.files, settling.source);
        if (!source) return source.error();
        auto bytes = (*source)->read(0, settling.source.size);
        if (!bytes) return bytes.error();
        content = std::move(*bytes);
    }
    const std::string path = core_.ledger.settled_path(settling.id);
    const std::string half_made = path + std::string(half_made_suffix);
    auto file = core_.files.open(half_made, os::Open::create_new);
    if (!file) return file.error();
    const std::string_view pieces[] = {settling.envelope, content};
    auto written = (*file)->write_at(0, std::span<const std::string_view>(pieces));
    if (written) written = (*file)->sync();
    if (written) written = core_.files.rename(half_made, path);
    return written;
}

// Under the mutex.
void Keeper::settled(Segment& segment, const std::vector<Settling>& batch) {
    for (const auto& settling : batch) {
        if (!settling.result) {
            core_.remove.push_back(core_.ledger.settled_path(settling.id) + std::string(half_made_suffix));
        }
        Entry* const entry = core_.ledger.find(settling.id);
        if (!entry) {
            // Finished meanwhile: nobody else knows of the file.
            core_.remove.push_back(core_.ledger.settled_path(settling.id));
        } else if (settling.result) {
            core_.ledger.end_settling(*entry);
        } else {
            core_.ledger.abandon_settling(*entry, segment);
            report("spool.settle_failed", settling.result.error());
        }
    }
}

void Keeper::report(std::string_view event, const Error& error) {
    core_.log.line(LogLevel::failures, Service::queue, "", event, "{}", error.text);
}

}  // namespace sims::queue
