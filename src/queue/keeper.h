// The thread behind the journal: syncs content files, keeps empty segments ready, removes files of finished
// messages, settles what waits too long, frees segments. Every step is bounded, the urgent ones come first.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "queue/core.h"
#include "queue/segment_store.h"

namespace sims::queue {

class Keeper {
public:
    Keeper(Core& core, SegmentStore segments) : core_(core), segments_(std::move(segments)) {}

    void start() {
        thread_ = std::thread([this] { run(); });
    }
    // Returns when the writer has ended and everything that may be removed is.
    void join() { thread_.join(); }

private:
    using Lock = std::unique_lock<std::mutex>;

    void run();
    // Whether others wait for the keeper.
    bool is_wanted() const;
    // Does the most urgent of it; true when there was something.
    bool serve(Lock& lock);
    void sync_files(Lock& lock);
    void prepare_segment(Lock& lock);
    void remove_files(Lock& lock);
    void look_after_segments(Lock& lock);
    bool must_go(const Segment& oldest) const;
    Result<> free_oldest(Lock& lock);
    Result<> flush(Lock& lock);
    Result<> settle(Lock& lock, Segment& segment);

    struct Settling {
        QueueId id;
        ContentSource source;
        std::string envelope;
        bool inside = false;
        Result<> result;
    };
    std::vector<Settling> snapshot(const std::vector<QueueId>& ids);
    Result<> write_settled(const Settling& settling);
    void settled(Segment& segment, const std::vector<Settling>& batch);
    void report(std::string_view event, const Error& error);

    Core& core_;
    SegmentStore segments_;
    bool segment_failed_ = false;  // making one in advance: not tried again until something changes
    bool pressed_ = false;         // the callback was called for the present crowd
    bool aged_ = false;            // a segment was begun: old ones may go
    bool removals_unsynced_ = false;
    std::vector<std::string> removals_;  // that failed
    std::thread thread_;
};

}  // namespace sims::queue
