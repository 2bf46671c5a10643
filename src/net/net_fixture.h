// For the tests of this module: reactors that run, and a way to run a coroutine on one and wait for its end.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "net/reactors.h"

namespace sims::net {

class NetTest : public ::testing::Test {
protected:
    NetTest() : reactors(2) {
        std::signal(SIGPIPE, SIG_IGN);
        reactors.start();
    }

    // Runs it on a reactor to its end.
    template <class T>
    T run(asio::awaitable<T> work) {
        return asio::co_spawn(reactors.at(0), std::move(work), asio::use_future).get();
    }

    // For what another thread brings about soon.
    template <class Condition>
    static bool eventually(Condition condition) {
        for (int i = 0; i < 6000; ++i) {
            if (condition()) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return false;
    }

    Reactors reactors;
};

class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string pattern = std::filesystem::temp_directory_path() / "sims-net-XXXXXX";
        path_ = ::mkdtemp(pattern.data());
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    std::string operator/(const char* name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

}  // namespace sims::net
