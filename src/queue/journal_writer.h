// The thread that writes the journal: takes everything that waits, writes and syncs it once, tells who
// waited. It never waits to fill a batch.
#pragma once

#include <thread>
#include <vector>

#include "queue/core.h"

namespace sims::queue {

class JournalWriter {
public:
    explicit JournalWriter(Core& core) : core_(core) {}

    void start() {
        thread_ = std::thread([this] { run(); });
    }
    // Returns when everything handed in is written or answered; core.life must be `closing`.
    void join() { thread_.join(); }

private:
    using Jobs = std::vector<Job>;
    using Iterator = Jobs::iterator;

    void run();
    bool has_work() const;
    Jobs take();
    void write(Jobs jobs);
    Iterator end_of_batch(Iterator first, Iterator last) const;
    bool fits(const Job& job, std::uint64_t at) const;
    Result<> next_segment();
    Result<> write_batch(Iterator first, Iterator last);
    void settle_accounts(Job& job);
    void succeeded(Iterator first, Iterator last);
    void failed(Iterator first, Iterator last, Iterator perhaps_written_to, const Error& error);
    void abandon_segment();

    Core& core_;
    Segment* current_ = nullptr;  // of the ledger's; nothing: begin one
    std::string headers_;
    std::vector<std::string_view> pieces_;
    std::thread thread_;
};

}  // namespace sims::queue
