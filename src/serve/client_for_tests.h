// For tests of the drivers: a client's end of a socket pair, and a log that can be read.
#pragma once

#include <array>
#include <mutex>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

#include <gtest/gtest.h>

#include "base/log.h"

namespace sims::serve {

class LogLines final : public Log {
public:
    std::string text() {
        const std::lock_guard lock(mutex_);
        return text_;
    }

protected:
    void write(const LogLine& line) override {
        const std::lock_guard lock(mutex_);
        text_ += std::string(line.event) + " " + std::string(line.text) + "\n";
    }

private:
    std::mutex mutex_;
    std::string text_;
};

// A client's end of a socket pair.
class Client {
public:
    explicit Client(int descriptor) : descriptor_(descriptor) {
        const timeval patience{20, 0};
        ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }
    ~Client() { hang_up(); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void say(std::string_view text) {
        EXPECT_EQ(::send(descriptor_, text.data(), text.size(), 0), ssize_t(text.size()));
    }
    std::string hear_line() {
        for (;;) {
            if (const auto end = heard_.find('\n'); end != std::string::npos) {
                auto line = heard_.substr(0, end + 1);
                heard_.erase(0, end + 1);
                return line;
            }
            if (!hear_more()) return hear_all();
        }
    }
    // Up to the end of the connection.
    std::string hear_all() {
        while (hear_more()) {
        }
        return std::exchange(heard_, {});
    }
    void hang_up() {
        if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    }

private:
    bool hear_more() {
        std::array<char, 65536> bytes{};
        const auto count = ::recv(descriptor_, bytes.data(), bytes.size(), 0);
        if (count > 0) heard_.append(bytes.data(), static_cast<std::size_t>(count));
        return count > 0;
    }

    int descriptor_;
    std::string heard_;
};

}  // namespace sims::serve
