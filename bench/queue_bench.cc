// How many messages a second the spool takes durably: threads that each commit 4 KiB, wait for the promise,
// deliver lazily and go on. On the disk under the current folder.
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include "base/log.h"
#include "os/posix_file_system.h"
#include "queue/spool.h"

namespace {

using namespace sims;
using namespace sims::queue;

constexpr std::size_t content_bytes = 4096;

TimePoint now() { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }

// One spool for all threads of a run.
struct Fixture {
    Fixture() {
        folder = (std::filesystem::current_path() / "queue_bench.tmp").string();
        std::filesystem::remove_all(folder);
        files = os::make_posix_file_system();
        spool = Spool::open(*files, folder, SpoolLimits{}, now, log).value();
    }
    ~Fixture() {
        spool.reset();
        std::filesystem::remove_all(folder);
    }
    std::string folder;
    std::unique_ptr<os::FileSystem> files;
    NullLog log;
    std::unique_ptr<Spool> spool;
};
std::unique_ptr<Fixture> fixture;

bool commit(Spool& spool, const std::string& content, const mail::Address& address) {
    auto draft = spool.draft().value();
    const QueueId id = draft->id();
    if (!draft->append(content)) return false;
    QueuedMessage message;
    message.recipients.push_back(QueuedRecipient{address});
    std::mutex mutex;
    std::condition_variable answered;
    std::optional<bool> good;
    spool.commit(std::move(draft), std::move(message), {}, [&](Result<> result) {
        const std::lock_guard lock(mutex);
        good = result.has_value();
        answered.notify_one();
    });
    std::unique_lock lock(mutex);
    answered.wait(lock, [&] { return good.has_value(); });
    Update update{id, 0, QueuedRecipient{address}};
    update.now.state = RecipientState::delivered;
    spool.update_lazily({update});
    return *good;
}

void commit_durably(benchmark::State& state) {
    if (state.thread_index() == 0) fixture = std::make_unique<Fixture>();
    const std::string content(content_bytes, 'x');
    const auto address = mail::Address::parse("ann@example.net").value();
    for (auto _ : state) {
        if (!commit(*fixture->spool, content, address)) state.SkipWithError("a commit failed");
    }
    state.SetItemsProcessed(state.iterations());
    if (state.thread_index() != 0) return;
    const auto counters = fixture->spool->counters();
    state.counters["syncs"] = static_cast<double>(counters.syncs);
    state.counters["commits"] = static_cast<double>(counters.commits);
    fixture.reset();
}
BENCHMARK(commit_durably)->Threads(1)->Threads(20)->Threads(100)->UseRealTime()->MeasureProcessCPUTime();

}  // namespace

BENCHMARK_MAIN();
