#include "mail/date.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

namespace sims::mail {
namespace {

constexpr std::array<std::string_view, 7> day_names{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> month_names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Parts {
    std::string_view weekday, month;
    unsigned day;
    int year;
    std::chrono::hh_mm_ss<std::chrono::seconds> time;
};

Parts parts_of(TimePoint time) {
    const auto midnight = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(midnight);
    return {day_names[std::chrono::weekday(midnight).c_encoding()],
            month_names[static_cast<unsigned>(date.month()) - 1], static_cast<unsigned>(date.day()),
            static_cast<int>(date.year()),
            std::chrono::hh_mm_ss(std::chrono::floor<std::chrono::seconds>(time - midnight))};
}

}  // namespace

std::string message_date(TimePoint time) {
    const auto p = parts_of(time);
    return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000", p.weekday, p.day, p.month, p.year,
                       p.time.hours().count(), p.time.minutes().count(), p.time.seconds().count());
}

std::string mbox_date(TimePoint time) {
    const auto p = parts_of(time);
    return fmt::format("{} {} {:2} {:02}:{:02}:{:02} {:04}", p.weekday, p.month, p.day,
                       p.time.hours().count(), p.time.minutes().count(), p.time.seconds().count(), p.year);
}

}  // namespace sims::mail
