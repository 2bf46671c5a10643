// The Prometheus text format (exposition format 0.0.4).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sims::admin {

enum class MetricType { gauge, counter };

struct Metric {
    std::string_view name;  // "sims_queue_messages"
    std::string_view help;
    MetricType type = MetricType::gauge;
    std::string label;  // "service"; empty: none
    std::string label_value;
    double value = 0;
};

// Metrics of one name stand together; HELP and TYPE come once.
std::string render_metrics(std::span<const Metric> metrics);

}  // namespace sims::admin
