#include "queue/spool.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "queue/core.h"
#include "queue/journal_writer.h"
#include "queue/keeper.h"
#include "queue/recovery.h"

namespace sims::queue {

namespace {

constexpr std::size_t lazy_jobs_max = 1024;  // more are written though nobody waits
constexpr std::size_t ids_in_record = 512;

enum class Hurry { now, lazily };

class JournaledSpool final : public Spool {
public:
    JournaledSpool(std::unique_ptr<Core> core, SegmentStore segments, Recovered recovered)
        : core_(std::move(core)),
          writer_(*core_),
          keeper_(*core_, std::move(segments)),
          recovered_(std::move(recovered)) {
        core_->look = true;
        keeper_.start();
        writer_.start();
    }
    ~JournaledSpool() override;

    Recovered take_recovered() override { return std::exchange(recovered_, {}); }
    Result<std::unique_ptr<Draft>> draft() override;
    void commit(std::unique_ptr<Draft> draft, QueuedMessage message, std::vector<MailboxNote> notes,
                Done done) override;
    void note(std::vector<MailboxNote> notes, Done done) override;
    void update(std::vector<Update> updates, Done done) override {
        change(updates, std::move(done), Hurry::now);
    }
    void update_lazily(std::vector<Update> updates) override { change(updates, nullptr, Hurry::lazily); }
    void mailboxes_synced(std::span<const std::string> mailboxes) override;
    Result<ContentPointer> content(QueueId id) override;
    void on_pressure(std::function<void()> callback) override;
    SpoolCounters counters() const override;

private:
    std::uint64_t record_bytes_max() const { return core_->limits.segment_bytes - segment_header_bytes; }
    void hand_in(Job job);
    void refuse(Done done, Error error);
    std::vector<std::span<const Update>> portions(std::span<const Update> updates) const;
    void change(std::span<const Update> updates, Done done, Hurry hurry);

    std::unique_ptr<Core> core_;
    JournalWriter writer_;
    Keeper keeper_;
    Recovered recovered_;
};

JournaledSpool::~JournaledSpool() {
    {
        const std::lock_guard lock(core_->mutex);
        core_->life = Core::Life::closing;
        core_->writer_wakes.notify_all();
        core_->keeper_wakes.notify_all();
    }
    writer_.join();
    keeper_.join();
}

Result<std::unique_ptr<Draft>> JournaledSpool::draft() {
    const auto now = static_cast<std::uint64_t>(core_->clock().time_since_epoch().count());
    std::uint64_t last = core_->last_id.load(std::memory_order_relaxed);
    QueueId id;
    do {
        id.value = std::max(now, last + 1);
    } while (!core_->last_id.compare_exchange_weak(last, id.value, std::memory_order_relaxed));
    // A record must leave room for others in its segment.
    const ContentDraft::Rules rules{
        std::min<std::uint64_t>(core_->limits.inline_content_max, core_->limits.segment_bytes / 4),
        core_->limits.free_bytes_min};
    return std::unique_ptr<Draft>(
        std::make_unique<ContentDraft>(core_->files, id, core_->ledger.content_path(id), rules));
}

void JournaledSpool::commit(std::unique_ptr<Draft> draft, QueuedMessage message,
                            std::vector<MailboxNote> notes, Done done) {
    std::unique_ptr<ContentDraft> content(static_cast<ContentDraft*>(draft.release()));
    if (content->is_dead()) {
        return refuse(std::move(done), fail(Fault::io, "the content could not be written"));
    }
    if (is_over(message)) {
        return refuse(std::move(done), fail(Fault::invalid, "nobody waits for this message"));
    }
    message.id = content->id();
    message.received = core_->clock();
    message.size = content->size();
    const auto place = content->has_file() ? ContentPlace::own_file : ContentPlace::inside;
    Job job;
    job.record = make_record(RecordKind::message, encode_message(message, place, content->crc(), notes));
    if (!content->has_file()) {
        job.record->body = content->take_memory();
        job.record->body_crc = content->crc();
    }
    if (job.record->bytes() > record_bytes_max()) {
        return refuse(std::move(done),
                      fail(Fault::limit, "the envelope is longer than the journal can hold"));
    }
    job.entry = std::make_unique<Entry>();
    job.entry->message = std::move(message);
    job.entry->place = place;
    job.entry->content_crc = content->crc();
    job.entry->memory = job.record->body;
    job.notes = std::move(notes);
    job.done = std::move(done);
    if (!content->has_file()) return hand_in(std::move(job));
    job.draft = std::move(content);
    const std::lock_guard lock(core_->mutex);
    core_->with_files.push_back(std::move(job));
    core_->keeper_wakes.notify_one();
}

void JournaledSpool::hand_in(Job job) {
    const std::lock_guard lock(core_->mutex);
    core_->urgent.push_back(std::move(job));
    core_->writer_wakes.notify_one();
}

void JournaledSpool::refuse(Done done, Error error) {
    Job job;
    job.refused = std::move(error);
    job.done = std::move(done);
    hand_in(std::move(job));
}

// So many at a time that a record never outgrows a segment.
std::vector<std::span<const Update>> JournaledSpool::portions(std::span<const Update> updates) const {
    constexpr std::uint64_t fixed_bytes = 64;
    std::vector<std::span<const Update>> found;
    std::size_t first = 0;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < updates.size(); ++i) {
        const auto& now = updates[i].now;
        const std::uint64_t more = fixed_bytes + now.address.local().size() + now.address.domain().size() +
                                   now.original.size() + now.host.size() + now.last_reply.size();
        if (i != first && bytes + more > record_bytes_max() / 2) {
            found.push_back(updates.subspan(first, i - first));
            first = i;
            bytes = 0;
        }
        bytes += more;
    }
    if (first < updates.size()) found.push_back(updates.subspan(first));
    return found;
}

void JournaledSpool::change(std::span<const Update> updates, Done done, Hurry hurry) {
    std::vector<Job> jobs;
    for (const auto portion : portions(updates)) {
        Job job;
        job.record = make_record(RecordKind::updates, encode_updates(portion));
        if (job.record->bytes() > record_bytes_max()) {
            if (done) refuse(std::move(done), fail(Fault::limit, "a state longer than the journal can hold"));
            return;
        }
        for (const auto& update : portion) job.told.push_back(update.id);
        jobs.push_back(std::move(job));
    }
    const std::lock_guard lock(core_->mutex);
    std::vector<QueueId> over;
    bool any_goes_on = false;
    std::vector<std::string> remove;
    for (const auto& update : updates) {
        switch (core_->ledger.apply(update)) {
            case Ledger::Applied::unknown: break;
            case Ledger::Applied::goes_on: any_goes_on = true; break;
            case Ledger::Applied::over:
                core_->ledger.finish(update.id, remove);
                over.push_back(update.id);
                break;
        }
    }
    if (!any_goes_on) jobs.clear();
    for (std::size_t first = 0; first < over.size(); first += ids_in_record) {
        Job job;
        const auto count = std::min(ids_in_record, over.size() - first);
        job.record = make_record(RecordKind::finished, encode_ids(std::span(over).subspan(first, count)));
        jobs.push_back(std::move(job));
    }
    // The marker behind them: files go and the caller hears when all of it is there.
    const bool waits = hurry == Hurry::now || !remove.empty();
    if (!remove.empty() || done) {
        Job marker;
        marker.remove = std::move(remove);
        marker.done = std::move(done);
        jobs.push_back(std::move(marker));
    }
    auto& queue = hurry == Hurry::now ? core_->urgent : core_->lazy;
    std::move(jobs.begin(), jobs.end(), std::back_inserter(queue));
    if (waits || core_->lazy.size() > lazy_jobs_max) {
        core_->write_lazy = true;
        core_->writer_wakes.notify_one();
    }
    const auto& segments = core_->ledger.segments;
    if (!segments.empty() && segments.front()->closed && segments.front()->unfinished == 0)
        core_->poke_keeper();
}

void JournaledSpool::note(std::vector<MailboxNote> notes, Done done) {
    Job job;
    job.record = make_record(RecordKind::notes, encode_notes(notes));
    if (job.record->bytes() > record_bytes_max()) {
        return refuse(std::move(done), fail(Fault::limit, "more mailbox notes than the journal can hold"));
    }
    job.notes = std::move(notes);
    job.done = std::move(done);
    hand_in(std::move(job));
}

void JournaledSpool::mailboxes_synced(std::span<const std::string> mailboxes) {
    const std::lock_guard lock(core_->mutex);
    core_->synced.insert(mailboxes.begin(), mailboxes.end());
}

Result<ContentPointer> JournaledSpool::content(QueueId id) {
    std::optional<ContentSource> source;
    {
        const std::lock_guard lock(core_->mutex);
        source = core_->ledger.source(id);
    }
    if (!source) return fail(Fault::not_found, fmt::format("message {} is not in the queue", id.text()));
    return open_content(core_->files, std::move(*source));
}

void JournaledSpool::on_pressure(std::function<void()> callback) {
    const std::lock_guard lock(core_->mutex);
    core_->pressure = std::move(callback);
}

SpoolCounters JournaledSpool::counters() const {
    const std::lock_guard lock(core_->mutex);
    SpoolCounters counters;
    counters.messages = core_->ledger.size();
    counters.settled = core_->ledger.settled_count();
    for (const auto& segment : core_->ledger.segments) counters.journal_bytes += segment->end;
    counters.syncs = core_->syncs.load(std::memory_order_relaxed);
    counters.commits = core_->commits.load(std::memory_order_relaxed);
    return counters;
}

}  // namespace

Result<std::unique_ptr<Spool>> Spool::open(os::FileSystem& files, std::string folder, SpoolLimits limits,
                                           Clock clock, Log& log) {
    check(limits.segment_bytes > 2 * (segment_header_bytes + record_header_bytes), "segments too small");
    auto core = std::make_unique<Core>(files, std::move(folder), limits, std::move(clock), log);
    SegmentStore segments(files, core->folder, core->limits);
    Recovery recovery(*core, segments);
    auto recovered = recovery.run();
    if (!recovered) return recovered.error();
    return std::unique_ptr<Spool>(
        std::make_unique<JournaledSpool>(std::move(core), std::move(segments), std::move(*recovered)));
}

}  // namespace sims::queue
