#include "directory/settings.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "directory/values.h"

namespace sims::directory {

namespace {

std::size_t index_of(std::string_view service, std::string_view key) {
    const auto* spec = find_setting(service, key);
    check(spec != nullptr, "a setting that is not in the table");
    return static_cast<std::size_t>(spec - setting_specs().data());
}

Error refuse(const SettingSpec& spec, std::string_view value, std::string_view wanted) {
    return fail(Fault::invalid,
                fmt::format("{} {}: \"{}\" is not {}", spec.service, spec.key, printable(value, 64), wanted));
}

bool in_range(const SettingSpec& spec, std::int64_t number) {
    return (spec.minimum == 0 && spec.maximum == 0) || (number >= spec.minimum && number <= spec.maximum);
}

Result<std::string> normalize_count(const SettingSpec& spec, std::string_view value) {
    const auto number = spec.type == SettingType::bytes ? parse_bytes(value) : parse_number(value);
    if (number && in_range(spec, *number)) return fmt::format("{}", *number);
    return refuse(spec, value,
                  fmt::format("a number from {} to {}{}", spec.minimum, spec.maximum,
                              spec.type == SettingType::bytes ? " (bytes; k, M and G may follow)" : ""));
}

Result<std::string> normalize_duration(const SettingSpec& spec, std::string_view value) {
    const auto time = parse_duration(value);
    if (time && in_range(spec, time->count())) return format_duration(*time);
    return refuse(spec, value,
                  fmt::format("a time from {} to {}, such as 90s, 15m, 4h or 5d",
                              format_duration(std::chrono::seconds(spec.minimum)),
                              format_duration(std::chrono::seconds(spec.maximum))));
}

// "5m,10m,30m*1d,2h": waits, each perhaps with how long it is used again and again.
Result<std::string> normalize_schedule(const SettingSpec& spec, std::string_view value) {
    constexpr std::size_t steps_max = 64;
    constexpr std::string_view wanted = "a list of waiting times such as 5m,10m,20m,30m*1d,2h";
    std::string out;
    const auto steps = split(value, ',');
    if (steps.size() > steps_max) return refuse(spec, value, wanted);
    for (const auto step : steps) {
        if (!out.empty()) out.push_back(',');
        const auto text = trim(step);
        const auto star = text.find('*');
        const auto wait = parse_duration(trim(text.substr(0, star)));
        if (!wait || wait->count() < 1) return refuse(spec, value, wanted);
        out += format_duration(*wait);
        if (star == std::string_view::npos) continue;
        const auto during = parse_duration(trim(text.substr(star + 1)));
        if (!during || *during < *wait) return refuse(spec, value, wanted);
        out += "*" + format_duration(*during);
    }
    return out;
}

// A host name or address, perhaps with a port. The router judges the name; a blank would already be a slip.
Result<std::string> normalize_host(const SettingSpec& spec, std::string_view value) {
    constexpr std::size_t host_and_port_max = 255 + 6;
    const bool legal = std::all_of(value.begin(), value.end(), [](char c) {
        return is_alpha(c) || is_digit(c) || std::string_view(".-_:[]").find(c) != std::string_view::npos ||
               static_cast<unsigned char>(c) >= 0x80;
    });
    if (!legal || value.size() > host_and_port_max)
        return refuse(spec, value, "a host name, or a host name and port host:port");
    return std::string(value);
}

Result<std::string> normalize_text(const SettingSpec& spec, std::string_view value) {
    constexpr std::size_t text_max = 1024;
    if (value.size() > text_max || has_control(value)) {
        return refuse(spec, value, fmt::format("one line of at most {} bytes", text_max));
    }
    if (spec.key == "retry_schedule") return normalize_schedule(spec, value);
    if (spec.key == "smart_host") return normalize_host(spec, value);
    if (spec.key == "eom" && value != "off" && value != "reply") return refuse(spec, value, "off or reply");
    return std::string(value);
}

Result<std::string> normalize_list(const SettingSpec& spec, std::string_view value) {
    const auto items = parse_list(value);
    if (!items)
        return fail(Fault::invalid, fmt::format("{} {}: {}", spec.service, spec.key, items.error().text));
    return fmt::format("{}", fmt::join(*items, ","));
}

}  // namespace

const SettingSpec* find_setting(std::string_view service, std::string_view key) {
    const auto specs = setting_specs();
    const auto found = std::find_if(specs.begin(), specs.end(), [&](const SettingSpec& spec) {
        return spec.service == service && spec.key == key;
    });
    return found == specs.end() ? nullptr : &*found;
}

Result<std::string> normalize_setting(const SettingSpec& spec, std::string_view value) {
    if (value.size() > setting_bytes_max) {
        return fail(Fault::limit, fmt::format("{} {}: a value has at most {} bytes", spec.service, spec.key,
                                              setting_bytes_max));
    }
    value = trim(value);
    if (!is_utf8(value)) return refuse(spec, value, "UTF-8 text");
    // What cannot be empty falls back to its default: "KEY=" is how an administrator says so.
    if (value.empty() && !spec.default_value.empty()) return std::string(spec.default_value);
    switch (spec.type) {
        case SettingType::text: return normalize_text(spec, value);
        case SettingType::boolean: {
            const auto truth = parse_boolean(value);
            if (!truth) return refuse(spec, value, "true or false");
            return std::string(*truth ? "true" : "false");
        }
        case SettingType::count:
        case SettingType::bytes: return normalize_count(spec, value);
        case SettingType::duration: return normalize_duration(spec, value);
        case SettingType::list: return normalize_list(spec, value);
        case SettingType::log_level: {
            const auto level = parse_log_level(lower(value));
            if (!level) return refuse(spec, value, "crashes, failures, major, problems, all or low-level");
            return std::string(name_of(*level));
        }
    }
    return refuse(spec, value, "a value");
}

Settings::Settings() {
    for (const auto& spec : setting_specs()) values_.emplace_back(spec.default_value);
}

Settings Settings::with(std::string_view service, std::string_view key, std::string value) const {
    Settings changed = *this;
    changed.values_[index_of(service, key)] = std::move(value);
    return changed;
}

const std::string& Settings::text(std::string_view service, std::string_view key) const {
    return values_[index_of(service, key)];
}

bool Settings::boolean(std::string_view service, std::string_view key) const {
    const auto value = parse_boolean(text(service, key));
    check(value.has_value(), "a boolean setting was not normalized");
    return *value;
}

std::int64_t Settings::number(std::string_view service, std::string_view key) const {
    const auto index = index_of(service, key);
    const auto& value = values_[index];
    if (setting_specs()[index].type == SettingType::duration) {
        const auto time = parse_duration(value);
        check(time.has_value(), "a duration setting was not normalized");
        return time->count();
    }
    const auto number = parse_number(value);
    check(number.has_value(), "a number setting was not normalized");
    return *number;
}

std::vector<std::string> Settings::list(std::string_view service, std::string_view key) const {
    const auto& value = text(service, key);
    std::vector<std::string> items;
    if (value.empty()) return items;
    for (const auto item : split(value, ',')) items.emplace_back(item);
    return items;
}

bool Settings::is_default(std::string_view service, std::string_view key) const {
    const auto index = index_of(service, key);
    return values_[index] == setting_specs()[index].default_value;
}

}  // namespace sims::directory
