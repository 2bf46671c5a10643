// The service settings of the contract: each key once, with type, default and a sentence for people.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sims::directory {

enum class SettingType { text, boolean, count, bytes, duration, list, log_level };

struct SettingSpec {
    std::string_view service;  // "server", "smtp", "pop", "pwd", "notify", "appletalk", "antispam", "log"
    std::string_view key;
    SettingType type;
    std::string_view default_value;
    std::string_view sentence;
    std::int64_t minimum = 0, maximum = 0;  // of counts, bytes, seconds; both 0: any
};
std::span<const SettingSpec> setting_specs();
std::span<const std::string_view> setting_services();  // each once, also those without settings yet
const SettingSpec* find_setting(std::string_view service, std::string_view key);
inline constexpr std::size_t setting_bytes_max = 256 * 1024;  // of one value: a long black list
// The value in its canonical text ("900" as "15m", "50M" as "52428800", lists joined by commas, also from a
// JSON array of texts), or what is wrong with it. Address ranges in lists are not judged here: src/guard
// does.
Result<std::string> normalize_setting(const SettingSpec& spec, std::string_view value);

// An immutable snapshot of all values.
class Settings {
public:
    Settings();  // all defaults
    // `value` was normalized by the caller.
    Settings with(std::string_view service, std::string_view key, std::string value) const;

    const std::string& text(std::string_view service,
                            std::string_view key) const;  // check()s that the key exists
    bool boolean(std::string_view service, std::string_view key) const;
    std::int64_t number(std::string_view service, std::string_view key) const;  // counts, bytes, seconds
    std::vector<std::string> list(std::string_view service, std::string_view key) const;
    bool is_default(std::string_view service, std::string_view key) const;

private:
    std::vector<std::string> values_;  // in the order of setting_specs()
};
using SettingsPointer = std::shared_ptr<const Settings>;  // held by the directory and by whoever is reading

}  // namespace sims::directory
