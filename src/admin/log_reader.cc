#include "admin/log_reader.h"

#include <algorithm>
#include <charconv>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/text.h"

namespace sims::admin {

namespace {

namespace json = boost::json;

constexpr std::string_view suffix = ".log";
constexpr std::size_t day_length = 10;  // "2026-11-22"

std::string upper(std::string_view text) {
    std::string out(text);
    for (auto& c : out) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return out;
}

std::optional<LogRecord> parse_text_line(std::string_view line) {
    const auto time_end = line.find(' ');
    if (time_end == std::string_view::npos || !parse_rfc3339(line.substr(0, time_end))) return std::nullopt;
    auto rest = line.substr(time_end + 1);
    const auto level_end = rest.find(' ');
    if (level_end == std::string_view::npos) return std::nullopt;
    const auto level = parse_log_level(lower(rest.substr(0, level_end)));
    rest.remove_prefix(level_end + 1);
    const auto open = rest.find('(');
    const auto close = rest.find(") ");
    if (!level || open == std::string_view::npos || close == std::string_view::npos || close < open)
        return std::nullopt;
    const auto service = parse_service(lower(rest.substr(0, open)));
    if (!service) return std::nullopt;
    return LogRecord{std::string(line.substr(0, time_end)), *level, *service,
                     std::string(rest.substr(open + 1, close - open - 1)),
                     std::string(rest.substr(close + 2))};
}

std::optional<LogRecord> parse_json_line(std::string_view line) {
    boost::system::error_code error;
    const auto value = json::parse(json::string_view(line.data(), line.size()), error);
    if (error || !value.is_object()) return std::nullopt;
    const auto text = [&](std::string_view key) {
        const auto* found = value.get_object().if_contains(json::string_view(key.data(), key.size()));
        if (found == nullptr || !found->is_string()) return std::string();
        return std::string(found->get_string().data(), found->get_string().size());
    };
    const auto level = parse_log_level(lower(text("level")));
    const auto service = parse_service(lower(text("service")));
    const auto time = text("time");
    if (!level || !service || !parse_rfc3339(time)) return std::nullopt;
    return LogRecord{time, *level, *service, text("id"), text("text")};
}

struct Place {
    std::string day;
    std::uint64_t offset = 0;
};

std::optional<Place> parse_place(std::string_view text) {
    Place place;
    if (text.size() < day_length + 2 || text[day_length] != ':') return std::nullopt;
    place.day = std::string(text.substr(0, day_length));
    if (!parse_rfc3339(place.day + "T00:00:00Z")) return std::nullopt;
    const auto* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + day_length + 1, end, place.offset);
    if (error != std::errc() || at != end) return std::nullopt;
    return place;
}

bool wanted(const LogRecord& record, const LogQuestion& question) {
    return record.level <= question.level && (!question.service || record.service == *question.service) &&
           (question.id.empty() || equal_ignoring_case(record.id, question.id));
}

// Days that have a file, the oldest first.
Outcome<std::vector<std::string>> days(os::FileSystem& files, const std::string& folder) {
    auto names = files.list(folder);
    if (!names) return Problem(names.error());
    std::vector<std::string> out;
    for (const auto& name : *names) {
        if (name.size() == day_length + suffix.size() && name.ends_with(suffix))
            out.push_back(name.substr(0, day_length));
    }
    std::sort(out.begin(), out.end());
    return out;
}

// The whole lines of a chunk; says how many bytes they are. A line longer than the chunk counts whole.
std::size_t take_lines(std::string_view chunk, const LogQuestion& question, std::vector<LogRecord>& out) {
    std::size_t used = 0;
    while (used < chunk.size()) {
        auto end = chunk.find('\n', used);
        if (end == std::string_view::npos) {
            if (chunk.size() - used < LogReaderLimits::line_bytes_max) break;
            end = chunk.size() - 1;
        }
        if (auto record = parse_log_line(chunk.substr(used, end - used));
            record && wanted(*record, question)) {
            out.push_back(std::move(*record));
        }
        used = end + 1;
    }
    return used;
}

}  // namespace

std::optional<LogRecord> parse_log_line(std::string_view line) {
    if (line.size() > LogReaderLimits::line_bytes_max) return std::nullopt;
    return line.starts_with('{') ? parse_json_line(line) : parse_text_line(line);
}

std::string log_text(const LogRecord& record) {
    return fmt::format("{} {} {}({}) {}", record.time, upper(name_of(record.level)),
                       upper(name_of(record.service)), record.id, record.text);
}

Outcome<LogPage> read_log(os::FileSystem& files, const std::string& folder, TimePoint now,
                          const LogQuestion& question) {
    const auto existing = days(files, folder);
    if (!existing) return existing.error();
    const auto today = rfc3339(now).substr(0, day_length);
    Place place{today, 0};
    if (!question.after.empty()) {
        auto parsed = parse_place(question.after);
        if (!parsed) return Problem(Fault::invalid, "after: not a place in the log", "after");
        place = std::move(*parsed);
    } else if (!question.id.empty() && !existing->empty()) {
        place.day = existing->front();
    }
    LogPage page;
    std::size_t budget = LogReaderLimits::page_bytes;
    for (auto day = std::lower_bound(existing->begin(), existing->end(), place.day); day != existing->end();
         ++day) {
        if (*day != place.day) place = {*day, 0};
        auto file = files.open(folder + "/" + *day + std::string(suffix), os::Open::read);
        if (!file) return Problem(file.error());
        while (budget > 0) {
            auto chunk = (*file)->read_text(place.offset, budget);
            if (!chunk) return Problem(chunk.error());
            const auto used = take_lines(*chunk, question, page.lines);
            if (used == 0) break;
            place.offset += used;
            budget -= used;
        }
        if (budget == 0) break;
        // The rest of the budget is too small for the next line, or the day's end is reached.
        const auto stat = (*file)->stat();
        if (budget < LogReaderLimits::line_bytes_max && stat && stat->size > place.offset) budget = 0;
        if (budget == 0) break;
    }
    page.more = budget == 0;
    page.next = fmt::format("{}:{}", place.day, place.offset);
    return page;
}

}  // namespace sims::admin
