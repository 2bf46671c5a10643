// How long to wait after a failure, as administrators write it (sims-reference 23.8).
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "queue/schedule.h"

namespace sims::queue {

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t steps_max = 64;
constexpr seconds once{0};  // Step::until_age of a wait that is not repeated

Error bad_step(std::string_view step, std::string_view why) {
    return fail(Fault::invalid, fmt::format("retry schedule: \"{}\" {}", printable(step, 40), why));
}

Result<RetryRules::Step> parse_step(std::string_view text) {
    const auto star = text.find('*');
    const auto wait = parse_duration(trim(text.substr(0, star)));
    if (!wait || *wait < seconds(1)) return bad_step(text, "is not a time like 30m, 2h or 1d");
    if (star == std::string_view::npos) return RetryRules::Step{*wait, once};
    const auto span = parse_duration(trim(text.substr(star + 1)));
    if (!span || *span < seconds(1)) return bad_step(text, "has no time like 1d behind the *");
    return RetryRules::Step{*wait, *span};
}

}  // namespace

RetryRules default_retry_rules() {
    RetryRules rules;
    rules.steps = {{minutes(5), once},
                   {minutes(10), once},
                   {minutes(20), once},
                   {minutes(30), hours(24)},
                   {hours(2), once}};
    return rules;
}

Result<std::vector<RetryRules::Step>> parse_retry_schedule(std::string_view text) {
    const auto pieces = split(text, ',');
    if (pieces.size() > steps_max) {
        return fail(Fault::limit, fmt::format("retry schedule: more than {} times", steps_max));
    }
    std::vector<RetryRules::Step> steps;
    for (const auto& piece : pieces) {
        auto step = parse_step(trim(piece));
        if (!step) return step.error();
        const bool last = &piece == &pieces.back();
        // How often the repeated one was waited is not counted: a single one behind it would have no number.
        if (!steps.empty() && steps.back().until_age != once && step->until_age == once && !last) {
            return bad_step(piece, "stands behind a repeated one: only the last may");
        }
        if (!steps.empty() && step->until_age != once && steps.back().until_age >= step->until_age) {
            return bad_step(piece, "is over before it begins");
        }
        steps.push_back(*step);
    }
    return steps;
}

std::string format_retry_schedule(const std::vector<RetryRules::Step>& steps) {
    std::string text;
    for (const auto& step : steps) {
        if (!text.empty()) text += ',';
        text += format_duration(step.wait);
        if (step.until_age != once) text += '*' + format_duration(step.until_age);
    }
    return text;
}

std::optional<TimePoint> retry_time(const RetryRules& rules, TimePoint received, std::uint32_t attempts,
                                    TimePoint now) {
    const Duration age = std::max(now - received, Duration(0));
    if (age >= rules.return_after || rules.steps.empty()) return std::nullopt;
    std::uint32_t left = std::max(attempts, 1U);
    seconds wait = rules.steps.back().wait;
    for (const auto& step : rules.steps) {
        if (step.until_age == once && left-- == 1) {
            wait = step.wait;
            break;
        }
        if (step.until_age != once && age < step.until_age) {
            wait = step.wait;
            break;
        }
    }
    // The last try comes when the time is up, not hours after.
    return std::min(now + wait, std::max(now, received) + (rules.return_after - age));
}

}  // namespace sims::queue
