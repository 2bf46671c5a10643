#include "admin/metrics.h"

#include <fmt/format.h>

namespace sims::admin {

namespace {

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\n') {
            out += "\\n";
            continue;
        }
        if (c == '\\' || c == '"') out.push_back('\\');
        out.push_back(c);
    }
    return out;
}

std::string_view type_name(MetricType type) {
    switch (type) {
        case MetricType::gauge: return "gauge";
        case MetricType::counter: return "counter";
    }
    return "untyped";
}

}  // namespace

std::string render_metrics(std::span<const Metric> metrics) {
    std::string out;
    std::string_view last;
    for (const auto& metric : metrics) {
        if (metric.name != last) {
            out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", metric.name, metric.help, metric.name,
                               type_name(metric.type));
            last = metric.name;
        }
        out += metric.name;
        if (!metric.label.empty())
            out += fmt::format("{{{}=\"{}\"}}", metric.label, escaped(metric.label_value));
        out += fmt::format(" {}\n", metric.value);
    }
    return out;
}

}  // namespace sims::admin
