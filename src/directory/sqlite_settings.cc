// The part of the embedded directory that keeps settings and the Router table.
#include <array>

#include <fmt/format.h>

#include "base/check.h"
#include "base/text.h"
#include "directory/sqlite_directory.h"

namespace sims::directory {

namespace {

// Whose log level each setting holds for: queue and smtp are one service to an administrator.
struct LevelOf {
    Service service;
    std::string_view setting;
};
constexpr std::array<LevelOf, service_count> levels = {{{Service::server, "server"},
                                                        {Service::smtp, "smtp"},
                                                        {Service::pop, "pop"},
                                                        {Service::pwd, "pwd"},
                                                        {Service::notify, "notify"},
                                                        {Service::admin, "admin"},
                                                        {Service::appletalk, "appletalk"},
                                                        {Service::queue, "smtp"}}};

}  // namespace

Result<Settings> SqliteDirectory::load_settings() {
    const auto rows = storage_->load_settings();
    if (!rows) return rows.error();
    Settings settings;
    for (const auto& [name, value] : *rows) {
        const auto dot = name.find('.');
        const auto service = std::string_view(name).substr(0, dot);
        const auto key =
            dot == std::string::npos ? std::string_view() : std::string_view(name).substr(dot + 1);
        const auto* spec = find_setting(service, key);
        const auto normal =
            spec != nullptr ? normalize_setting(*spec, value) : fail(Fault::not_found, "no such setting");
        if (normal) {
            settings = settings.with(service, key, *normal);
        } else {
            log_.line(LogLevel::problems, Service::server, "", "directory.setting_ignored",
                      "the saved setting {} is ignored: {}", printable(name), normal.error().text);
        }
    }
    return settings;
}

void SqliteDirectory::apply_log_levels(const Settings& settings) {
    for (const auto& [service, setting] : levels) {
        const auto level = parse_log_level(settings.text(setting, "log_level"));
        check(level.has_value(), "a log level was not normalized");
        log_.set_level(service, *level);
    }
}

SettingsPointer SqliteDirectory::settings() const {
    const std::shared_lock lock(memory_mutex_);
    return settings_;
}

Result<> SqliteDirectory::set_settings(std::string_view service,
                                       const std::vector<std::pair<std::string, std::string>>& changes) {
    const std::lock_guard one_change(change_mutex_);
    Settings changed = *settings();
    std::vector<SettingRow> rows;
    for (const auto& [key, value] : changes) {
        const auto* spec = find_setting(service, key);
        if (spec == nullptr) {
            return fail(Fault::not_found,
                        fmt::format("{} has no setting \"{}\"", printable(service, 64), printable(key, 64)));
        }
        auto normal = normalize_setting(*spec, value);
        if (!normal) return normal.error();
        rows.emplace_back(fmt::format("{}.{}", service, key), *normal);
        changed = changed.with(service, key, std::move(*normal));
    }
    if (auto saved = storage_->save_settings(rows); !saved) return saved;
    apply_log_levels(changed);
    auto snapshot = std::make_shared<const Settings>(std::move(changed));
    const std::lock_guard lock(memory_mutex_);
    settings_ = std::move(snapshot);
    return {};
}

std::string SqliteDirectory::router_table() const {
    const std::shared_lock lock(memory_mutex_);
    return router_table_;
}

Result<> SqliteDirectory::set_router_table(std::string_view text) {
    constexpr std::size_t table_max = 16 * 1024 * 1024;
    if (text.size() > table_max) {
        return fail(Fault::limit, fmt::format("a Router table has at most {} bytes", table_max));
    }
    const std::lock_guard one_change(change_mutex_);
    if (auto saved = storage_->save_text("router", text); !saved) return saved;
    const std::lock_guard lock(memory_mutex_);
    router_table_ = text;
    return {};
}

}  // namespace sims::directory
