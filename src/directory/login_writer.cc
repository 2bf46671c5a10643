#include "directory/login_writer.h"

#include <chrono>
#include <utility>
#include <vector>

namespace sims::directory {

namespace {
constexpr std::chrono::seconds gathering_time{3};
}

LoginWriter::LoginWriter(Storage& storage, Log& log)
    : storage_(storage), log_(log), thread_([this] { run(); }) {}

LoginWriter::~LoginWriter() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void LoginWriter::note(std::int64_t account, const LastLogin& login) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = waiting_.empty();
        waiting_.insert_or_assign(account, login);
    }
    if (first) changed_.notify_one();
}

void LoginWriter::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
        if (!stopping_) changed_.wait_for(lock, gathering_time, [&] { return stopping_; });
        if (!waiting_.empty()) write_batch(lock);
        if (stopping_) return;
    }
}

void LoginWriter::write_batch(std::unique_lock<std::mutex>& lock) {
    const auto batch = std::exchange(waiting_, {});
    lock.unlock();
    const std::vector<LoginRow> rows(batch.begin(), batch.end());
    const auto saved = storage_.save_logins(rows);
    lock.lock();
    if (saved) return;
    log_.line(LogLevel::failures, Service::server, "", "directory.logins_not_saved",
              "last logins not saved: {}", saved.error().text);
    // They come with the next batch, unless there are later ones by then.
    for (const auto& [account, login] : batch) waiting_.try_emplace(account, login);
}

}  // namespace sims::directory
