// When what is tried: the time-table of everything that waits. Pure: time is an argument, nothing is stored,
// nothing sent (sims-reference 23.8). Not thread-safe: the office guards it.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "queue/message.h"

namespace sims::queue {

struct RetryRules {
    // Waits after the first, second... failed attempt; the last one repeats until its span is over.
    // Default: 5, 10, 20 min, then every 30 min for a day, then every 2 h.
    struct Step {
        std::chrono::seconds wait;
        std::chrono::seconds until_age;
    };
    std::vector<Step> steps;
    std::chrono::seconds warn_after{4 * 3600};
    std::chrono::seconds return_after{5 * 86400};
    std::size_t destination_connections = 4;  // at the same time, to one destination
    std::size_t recipients_per_transaction = 100;
};
RetryRules default_retry_rules();
// "5m,10m,20m,30m*1d,2h": waits; `*SPAN` repeats one until the message is that old; the last repeats for
// ever.
Result<std::vector<RetryRules::Step>> parse_retry_schedule(std::string_view text);
std::string format_retry_schedule(const std::vector<RetryRules::Step>& steps);
// When to try again after `attempts` failures of a message received at `received`; nothing: give up now.
std::optional<TimePoint> retry_time(const RetryRules& rules, TimePoint received, std::uint32_t attempts,
                                    TimePoint now);

// One recipient that waits for one destination (a domain, "host:port", a literal).
struct Waiting {
    QueueId id;
    std::size_t recipient = 0;
};

// A transaction the runner should do now: one message, some of its recipients, one destination.
struct Assignment {
    std::string destination;
    QueueId id;
    std::vector<std::size_t> recipients;
};

// How a connection attempt to a destination as a whole went (23.8: a dead destination is suspended and
// probed).
enum class DestinationOutcome { reached, unreachable };

class Schedule {
public:
    explicit Schedule(RetryRules rules);
    ~Schedule();

    void set_rules(RetryRules rules);
    // Recipients that wait from `due` on. The same (id, recipient) must not be added twice.
    void add(QueueId id, std::size_t recipient, const std::string& destination, TimePoint due);
    // Takes a recipient out, wherever it is.
    void remove(QueueId id, std::size_t recipient);
    void hold(QueueId id, std::size_t recipient);
    void release(QueueId id, std::size_t recipient, TimePoint now);
    // Makes everything of a destination (or everything, for "") due now.
    void retry_now(const std::string& destination, TimePoint now);

    // The next transaction to do, if one is due and its destination has a free connection. Round robin among
    // destinations. Every assignment is ended by finished().
    std::optional<Assignment> next(TimePoint now);
    // More of the same destination, for a session that is open already.
    std::optional<Assignment> next_for(const std::string& destination, TimePoint now);
    // The assignment is over. Recipients that must wait longer are in `again`, each with its new due time
    // (retry_at()); the others are done with.
    struct Again {
        std::size_t recipient;
        TimePoint due;
    };
    void finished(const Assignment& assignment, const std::vector<Again>& again, DestinationOutcome outcome,
                  TimePoint now);
    // When to try again after `attempts` failures of a message received at `received`; nothing: give up now.
    std::optional<TimePoint> retry_at(TimePoint received, std::uint32_t attempts, TimePoint now) const;
    bool warning_due(TimePoint received, TimePoint now) const;
    // When next() may say something again; nothing when nothing waits.
    std::optional<TimePoint> next_due(TimePoint now) const;

    struct DestinationStatus {
        std::string destination;
        std::size_t waiting;
        std::size_t sending;
        std::optional<TimePoint> suspended_until;
    };
    std::vector<DestinationStatus> destinations() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sims::queue
