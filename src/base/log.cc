#include "base/log.h"

namespace sims {

namespace {
constexpr std::array<std::string_view, 6> level_names = {"crashes",  "failures", "major",
                                                         "problems", "all",      "low-level"};
constexpr std::array<std::string_view, service_count> service_names = {
    "server", "smtp", "pop", "pwd", "notify", "admin", "appletalk", "queue"};
}  // namespace

std::string_view name_of(LogLevel level) { return level_names[static_cast<std::size_t>(level)]; }
std::string_view name_of(Service service) { return service_names[static_cast<std::size_t>(service)]; }

std::optional<LogLevel> parse_log_level(std::string_view name) {
    for (std::size_t i = 0; i < level_names.size(); ++i) {
        if (level_names[i] == name) return static_cast<LogLevel>(i);
    }
    return std::nullopt;
}

std::optional<Service> parse_service(std::string_view name) {
    for (std::size_t i = 0; i < service_names.size(); ++i) {
        if (service_names[i] == name) return static_cast<Service>(i);
    }
    return std::nullopt;
}

Log::Log() {
    for (auto& level : levels_) level.store(LogLevel::problems, std::memory_order_relaxed);
}

}  // namespace sims
