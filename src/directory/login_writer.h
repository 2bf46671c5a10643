// Writes last logins to storage a few seconds late, many at once, on a thread of its own. Destroying it
// writes the rest.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "base/log.h"
#include "directory/storage.h"

namespace sims::directory {

class LoginWriter {
public:
    LoginWriter(Storage& storage, Log& log);
    ~LoginWriter();
    LoginWriter(const LoginWriter&) = delete;
    LoginWriter& operator=(const LoginWriter&) = delete;

    void note(std::int64_t account, const LastLogin& login);  // never blocks for long

private:
    void run();
    void write_batch(std::unique_lock<std::mutex>& lock);

    Storage& storage_;
    Log& log_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::unordered_map<std::int64_t, LastLogin> waiting_;  // at most one an account
    bool stopping_ = false;
    std::thread thread_;  // last: it uses all of the above
};

}  // namespace sims::directory
