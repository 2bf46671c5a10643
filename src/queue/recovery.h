// What open() does before the threads run: reads the folder, replays the journal, fills the ledger, decides
// what a crash left half made (docs/formats/spool.md "Recovery").
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "queue/core.h"
#include "queue/replay.h"
#include "queue/segment_store.h"

namespace sims::queue {

class Recovery {
public:
    Recovery(Core& core, SegmentStore& segments) : core_(core), segments_(segments) {}

    Result<Recovered> run();

private:
    void sort_name(const std::string& name);
    void replay_segments();
    void replay_segment(std::uint64_t generation, const std::string& path);
    void keep_segment(std::uint64_t generation, const std::string& path, std::uint64_t bytes,
                      const SegmentReport& report);
    void set_aside(const std::string& path, const std::string& why);
    void adopt_empty(std::uint64_t generation, const std::string& path, std::uint64_t bytes);
    void take_journal();
    void take_settled();
    void take_settled_file(QueueId id);
    void sweep_contents();
    void hand_over(const QueuedMessage& message);
    Segment* segment_of(std::uint64_t generation);
    void saw(QueueId id);

    Core& core_;
    SegmentStore& segments_;
    Replay replay_;
    Recovered recovered_;
    std::map<std::uint64_t, std::string> journal_;  // generation to path
    std::vector<std::string> spares_;
    std::set<QueueId> settled_;
    std::set<QueueId> contents_;
    std::set<QueueId> named_contents_;
    std::uint64_t last_generation_ = 0;
    bool names_changed_ = false;
};

}  // namespace sims::queue
