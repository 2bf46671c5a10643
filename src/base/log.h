// The server log: named events at a level, for a service, about a session or a message.
// Says nothing of where lines go: FileLog (log_file.h) writes them, tests collect them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace sims {

// As in the contract, quietest first. A line is kept when its level is not above its service's.
enum class LogLevel { crashes, failures, major, problems, all, low_level };
enum class Service { server, smtp, pop, pwd, notify, admin, appletalk, queue };
inline constexpr std::size_t service_count = 8;

std::string_view name_of(LogLevel level);
std::string_view name_of(Service service);
std::optional<LogLevel> parse_log_level(std::string_view name);
std::optional<Service> parse_service(std::string_view name);

// One line. `event` is its name in docs/operations/events.md, "spool.commit_failed"; `id` is a session's or a
// queue id, or empty; text is one sentence without line ends (FileLog escapes what slips in). Never a
// password.
struct LogLine {
    LogLevel level;
    Service service;
    std::string_view id;
    std::string_view event;
    std::string_view text;
};

// Any thread may write. Levels change while the server runs.
class Log {
public:
    Log();
    virtual ~Log() = default;
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    bool wants(LogLevel level, Service service) const {
        return level <= levels_[static_cast<std::size_t>(service)].load(std::memory_order_relaxed);
    }
    void set_level(Service service, LogLevel level) {
        levels_[static_cast<std::size_t>(service)].store(level, std::memory_order_relaxed);
    }

    // log.line(LogLevel::major, Service::smtp, id, "smtp.received", "from {} ...", peer)
    template <class... Args>
    void line(LogLevel level, Service service, std::string_view id, std::string_view event,
              fmt::format_string<Args...> format, Args&&... args) {
        if (!wants(level, service)) return;
        const std::string text = fmt::format(format, std::forward<Args>(args)...);
        write({level, service, id, event, text});
    }

protected:
    // Called for wanted lines only; must not block for long and must not throw.
    virtual void write(const LogLine& line) = 0;

private:
    std::array<std::atomic<LogLevel>, service_count> levels_;
};

// Drops everything.
class NullLog final : public Log {
protected:
    void write(const LogLine&) override {}
};

}  // namespace sims
