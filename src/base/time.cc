#include "base/time.h"

#include <charconv>
#include <ctime>

#include <fmt/format.h>

namespace sims {

namespace {

struct Parts {
    std::tm calendar{};
    int milliseconds = 0;
};

Parts parts_of(TimePoint time) {
    const auto since = time.time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(since - seconds);
    const std::time_t whole = seconds.count();
    Parts parts;
    gmtime_r(&whole, &parts.calendar);
    parts.milliseconds = static_cast<int>(rest.count());
    return parts;
}

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
    if (at + count > text.size()) return std::nullopt;
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

}  // namespace

std::string rfc3339(TimePoint time) {
    const auto [c, ms] = parts_of(time);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", c.tm_year + 1900, c.tm_mon + 1, c.tm_mday,
                       c.tm_hour, c.tm_min, c.tm_sec);
}

std::string rfc3339_milliseconds(TimePoint time) {
    const auto [c, ms] = parts_of(time);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", c.tm_year + 1900, c.tm_mon + 1,
                       c.tm_mday, c.tm_hour, c.tm_min, c.tm_sec, ms);
}

std::optional<TimePoint> parse_rfc3339(std::string_view text) {
    // YYYY-MM-DDTHH:MM:SS[.mmm]Z
    if (text.size() != 20 && text.size() != 24) return std::nullopt;
    if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
        text.back() != 'Z') {
        return std::nullopt;
    }
    const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
    const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
    if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
    if (*hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
    std::chrono::milliseconds fraction{0};
    if (text.size() == 24) {
        const auto ms = digits(text, 20, 3);
        if (text[19] != '.' || !ms) return std::nullopt;
        fraction = std::chrono::milliseconds(*ms);
    }
    const std::chrono::year_month_day date{std::chrono::year(*year),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    return TimePoint(std::chrono::sys_days(date).time_since_epoch()) + std::chrono::hours(*hour) +
           std::chrono::minutes(*minute) + std::chrono::seconds(*second) + fraction;
}

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
    constexpr std::int64_t seconds_max = 1000LL * 86400;
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || count < 0) return std::nullopt;
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    std::int64_t factor = 1;
    if (unit == "m")
        factor = 60;
    else if (unit == "h")
        factor = 3600;
    else if (unit == "d")
        factor = 86400;
    else if (!unit.empty() && unit != "s")
        return std::nullopt;
    if (count > seconds_max / factor) return std::nullopt;
    return std::chrono::seconds(count * factor);
}

std::string format_duration(std::chrono::seconds duration) {
    const auto count = duration.count();
    if (count != 0 && count % 86400 == 0) return fmt::format("{}d", count / 86400);
    if (count != 0 && count % 3600 == 0) return fmt::format("{}h", count / 3600);
    if (count != 0 && count % 60 == 0) return fmt::format("{}m", count / 60);
    return fmt::format("{}s", count);
}

}  // namespace sims
