// Time is an argument. Nothing below src/net reads a clock; whoever needs the time is handed a TimePoint or a
// Clock.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sims {

// Wall time in UTC, microseconds.
using TimePoint = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;
using Duration = std::chrono::microseconds;

// Handed to objects that live on threads of their own.
using Clock = std::function<TimePoint()>;

// "2026-11-22T21:26:11Z" (RFC 3339, whole seconds).
std::string rfc3339(TimePoint time);
// "2026-11-22T21:26:11.042Z", for log lines.
std::string rfc3339_milliseconds(TimePoint time);
// The inverse of both; nothing for anything else.
std::optional<TimePoint> parse_rfc3339(std::string_view text);

// "90s", "15m", "4h", "5d", or plain seconds; nothing for anything else, or beyond 1,000 days.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);
// The shortest text parse_duration() reads back: "15m", "36h".
std::string format_duration(std::chrono::seconds duration);

}  // namespace sims
