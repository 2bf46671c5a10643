// The time-table: when what is tried, in whose turn, and what is left alone.
#include "queue/schedule.h"

#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace sims::queue {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const TimePoint start{seconds(1'795'000'000)};
QueueId id(std::uint64_t value) { return QueueId{{value}}; }

std::vector<minutes> waits(const RetryRules& rules, int count) {
    std::vector<minutes> list;
    TimePoint now = start;
    for (int attempt = 1; attempt <= count; ++attempt) {
        const auto next = retry_time(rules, start, static_cast<std::uint32_t>(attempt), now);
        if (!next) break;
        list.push_back(std::chrono::duration_cast<minutes>(*next - now));
        now = *next;
    }
    return list;
}

TEST(RetryRules, DefaultIsTheHouseSchedule) {
    const auto list = waits(default_retry_rules(), 1000);
    ASSERT_GT(list.size(), 60U);
    EXPECT_EQ(list[0], minutes(5));
    EXPECT_EQ(list[1], minutes(10));
    EXPECT_EQ(list[2], minutes(20));
    EXPECT_EQ(list[3], minutes(30));
    EXPECT_EQ(list[40], minutes(30));
    EXPECT_EQ(list[60], minutes(120));
    minutes all{0};
    for (const auto wait : list) all += wait;
    EXPECT_EQ(all, hours(5 * 24));  // the last try is made when the time is up
}

TEST(RetryRules, TextIsReadBack) {
    const auto text = format_retry_schedule(default_retry_rules().steps);
    EXPECT_EQ(text, "5m,10m,20m,30m*1d,2h");
    EXPECT_EQ(format_retry_schedule(parse_retry_schedule(text).value()), text);
    EXPECT_EQ(format_retry_schedule(parse_retry_schedule(" 30s , 15m*4h ,1d").value()), "30s,15m*4h,1d");
    for (const char* bad :
         {"", "0s", "x", "5m,,10m", "5m*", "5m*x", "5m*1h,10m,2h", "5m*1d,10m*1h", "5m *"}) {
        const auto parsed = parse_retry_schedule(bad);
        ASSERT_FALSE(parsed) << bad;
        EXPECT_EQ(parsed.error().fault, Fault::invalid);
    }
}

TEST(RetryRules, ClockThatStepsBackGivesNothingUp) {
    const auto rules = default_retry_rules();
    EXPECT_EQ(retry_time(rules, start, 1, start - hours(1000)), start - hours(1000) + minutes(5));
    EXPECT_FALSE(retry_time(rules, start, 1, start + hours(5 * 24)));
}

TEST(Schedule, GivesWhatIsDueAndNothingElse) {
    Schedule schedule(default_retry_rules());
    EXPECT_FALSE(schedule.next_due(start));
    schedule.add(id(1), 0, "example.net", start + minutes(5));
    EXPECT_FALSE(schedule.next(start));
    EXPECT_EQ(schedule.next_due(start), start + minutes(5));
    const auto assignment = schedule.next(start + minutes(5));
    ASSERT_TRUE(assignment);
    EXPECT_EQ(assignment->destination, "example.net");
    EXPECT_EQ(assignment->id, id(1));
    EXPECT_EQ(assignment->recipients, (std::vector<std::size_t>{0}));
    EXPECT_FALSE(schedule.next_due(start + minutes(5)));
    schedule.finished(*assignment, {{0, start + minutes(15)}}, DestinationOutcome::reached,
                      start + minutes(5));
    EXPECT_FALSE(schedule.next(start + minutes(6)));
    const auto again = schedule.next(start + minutes(15));
    ASSERT_TRUE(again);
    schedule.finished(*again, {}, DestinationOutcome::reached, start + minutes(15));
    EXPECT_TRUE(schedule.destinations().empty());
}

TEST(Schedule, RecipientsOfOneMessageGoTogetherUpToTheLimit) {
    auto rules = default_retry_rules();
    rules.recipients_per_transaction = 3;
    Schedule schedule(rules);
    for (std::size_t i = 0; i < 7; ++i) schedule.add(id(1), i, "example.net", start);
    schedule.add(id(2), 0, "example.net", start);
    EXPECT_EQ(schedule.next(start)->recipients, (std::vector<std::size_t>{0, 1, 2}));
    EXPECT_EQ(schedule.next(start)->recipients, (std::vector<std::size_t>{3, 4, 5}));
    EXPECT_EQ(schedule.next_for("example.net", start)->recipients, (std::vector<std::size_t>{6}));
    EXPECT_EQ(schedule.next(start)->id, id(2));
}

TEST(Schedule, DestinationsTakeTurnsWithinTheirConnections) {
    auto rules = default_retry_rules();
    rules.destination_connections = 2;
    Schedule schedule(rules);
    for (std::uint64_t i = 0; i < 5; ++i) {
        schedule.add(id(i), 0, "a", start);
        schedule.add(id(100 + i), 0, "b", start);
    }
    std::string turns;
    std::vector<Assignment> open;
    while (auto assignment = schedule.next(start)) {
        turns += assignment->destination;
        open.push_back(*assignment);
    }
    EXPECT_EQ(turns, "abab");
    EXPECT_FALSE(schedule.next_for("a", start));  // both connections are taken
    schedule.finished(open[0], {}, DestinationOutcome::reached, start);
    EXPECT_EQ(schedule.next_for("a", start)->destination, "a");
}

TEST(Schedule, DeadDestinationIsSuspendedAndProbedByOne) {
    Schedule schedule(default_retry_rules());
    for (std::uint64_t i = 0; i < 10; ++i) schedule.add(id(i), 0, "dead", start);
    const auto first = schedule.next(start);
    const auto second = schedule.next(start);
    schedule.finished(*first, {{0, start + minutes(5)}}, DestinationOutcome::unreachable, start);
    schedule.finished(*second, {{0, start + minutes(5)}}, DestinationOutcome::unreachable, start);
    EXPECT_FALSE(schedule.next(start));
    EXPECT_EQ(schedule.next_due(start), start + minutes(5));  // two that failed together count once
    schedule.add(id(50), 0, "dead", start);                   // new mail does not wake it
    EXPECT_FALSE(schedule.next(start + minutes(4)));
    const auto probe = schedule.next(start + minutes(5));
    ASSERT_TRUE(probe);
    EXPECT_FALSE(schedule.next(start + minutes(5)));  // one probe
    schedule.finished(*probe, {{0, start + minutes(15)}}, DestinationOutcome::unreachable,
                      start + minutes(5));
    EXPECT_EQ(schedule.next_due(start + minutes(5)), start + minutes(15));  // waits grow
    const auto lucky = schedule.next(start + minutes(15));
    ASSERT_TRUE(lucky);
    schedule.finished(*lucky, {}, DestinationOutcome::reached, start + minutes(15));
    EXPECT_TRUE(schedule.next(start + minutes(15)));
    EXPECT_TRUE(schedule.next(start + minutes(15)));
}

TEST(Schedule, RetryNowLiftsASuspension) {
    Schedule schedule(default_retry_rules());
    schedule.add(id(1), 0, "dead", start);
    schedule.finished(*schedule.next(start), {{0, start + hours(2)}}, DestinationOutcome::unreachable, start);
    schedule.retry_now("elsewhere", start);
    EXPECT_FALSE(schedule.next(start));
    schedule.retry_now("", start);
    EXPECT_TRUE(schedule.next(start));
}

TEST(Schedule, HeldOnesStayUntilReleased) {
    Schedule schedule(default_retry_rules());
    schedule.add(id(1), 0, "a", start);
    schedule.add(id(1), 1, "a", start);
    schedule.hold(id(1), 0);
    const auto assignment = schedule.next(start);
    EXPECT_EQ(assignment->recipients, (std::vector<std::size_t>{1}));
    schedule.hold(id(1), 1);  // while it is being sent: holds if it must wait again
    schedule.finished(*assignment, {{1, start}}, DestinationOutcome::reached, start);
    EXPECT_FALSE(schedule.next(start + hours(1)));
    schedule.retry_now("", start);
    EXPECT_FALSE(schedule.next(start + hours(1)));
    schedule.release(id(1), 1, start + hours(1));
    EXPECT_EQ(schedule.next(start + hours(1))->recipients, (std::vector<std::size_t>{1}));
}

TEST(Schedule, RemovedOnesDoNotComeBack) {
    Schedule schedule(default_retry_rules());
    schedule.add(id(1), 0, "a", start);
    schedule.add(id(2), 0, "a", start);
    const auto assignment = schedule.next(start);
    schedule.remove(id(1), 0);
    schedule.remove(id(2), 0);
    schedule.remove(id(3), 0);
    schedule.finished(*assignment, {{0, start}}, DestinationOutcome::reached, start);
    EXPECT_FALSE(schedule.next(start));
    EXPECT_TRUE(schedule.destinations().empty());
}

// Against a list of plain rows.
TEST(Schedule, AgreesWithASlowModel) {
    EXPECT_TRUE(rc::check("model", [](const std::vector<std::uint8_t>& script, std::uint32_t seed) {
        std::mt19937 random(seed);
        auto rules = default_retry_rules();
        rules.destination_connections = 2;
        rules.recipients_per_transaction = 2;
        Schedule schedule(rules);
        struct Row {
            std::string destination;
            TimePoint due;
            enum class State { waiting, held, sending } state;
        };
        std::map<std::pair<std::uint64_t, std::size_t>, Row> rows;
        std::vector<Assignment> open;
        TimePoint now = start;
        std::uint64_t serial = 0;
        for (const auto step : script) {
            now += seconds(random() % 100);
            if (step % 4 == 0 || rows.empty()) {
                const std::string destination(1, static_cast<char>('a' + random() % 3));
                const TimePoint due = now + seconds(random() % 300);
                schedule.add(id(++serial), 0, destination, due);
                rows.insert({{serial, 0}, {destination, due, Row::State::waiting}});
            } else if (step % 4 == 1) {
                auto got = schedule.next(now);
                std::map<std::string, std::size_t> connections;
                for (const auto& one : open) ++connections[one.destination];
                bool any = false;
                for (const auto& [key, row] : rows) {
                    any = any || (row.state == Row::State::waiting && row.due <= now &&
                                  connections[row.destination] < 2);
                }
                RC_ASSERT(got.has_value() == any);
                if (!got) continue;
                RC_ASSERT(connections[got->destination] < 2U);
                for (const auto recipient : got->recipients) {
                    auto& row = rows.at({got->id.value, recipient});
                    RC_ASSERT(row.state == Row::State::waiting);
                    RC_ASSERT(row.due <= now);
                    RC_ASSERT(row.destination == got->destination);
                    row.state = Row::State::sending;
                }
                open.push_back(*got);
            } else if (step % 4 == 2 && !open.empty()) {
                const auto assignment = open.back();
                open.pop_back();
                std::vector<Schedule::Again> again;
                for (const auto recipient : assignment.recipients) {
                    const std::pair key{assignment.id.value, recipient};
                    if (random() % 2 == 0) {
                        rows.erase(key);
                        continue;
                    }
                    again.push_back({recipient, now + seconds(random() % 200)});
                    rows.at(key).state = Row::State::waiting;
                    rows.at(key).due = again.back().due;
                }
                schedule.finished(assignment, again, DestinationOutcome::reached, now);
            } else if (step % 4 == 3) {
                auto& [key, row] =
                    *std::next(rows.begin(), static_cast<std::ptrdiff_t>(random() % rows.size()));
                if (row.state == Row::State::waiting) {
                    schedule.hold(id(key.first), key.second);
                    row.state = Row::State::held;
                } else if (row.state == Row::State::held) {
                    schedule.release(id(key.first), key.second, now);
                    row.state = Row::State::waiting;
                    row.due = now;
                }
            }
        }
    }));
}

TEST(Schedule, HundredThousandRecipientsOfAThousandDestinations) {
    auto rules = default_retry_rules();
    Schedule schedule(rules);
    for (std::uint64_t i = 0; i < 100'000; ++i) {
        schedule.add(id(i / 10), i % 10, "destination" + std::to_string(i % 1000), start + seconds(i % 600));
    }
    EXPECT_EQ(schedule.destinations().size(), 1000U);
    std::size_t sent = 0;
    TimePoint now = start;
    while (const auto due = schedule.next_due(now)) {
        now = *due;
        while (const auto assignment = schedule.next(now)) {
            sent += assignment->recipients.size();
            schedule.finished(*assignment, {}, DestinationOutcome::reached, now);
        }
    }
    EXPECT_EQ(sent, 100'000U);
    EXPECT_TRUE(schedule.destinations().empty());
}

}  // namespace
}  // namespace sims::queue
