// Any bytes as a request target: words within the limits, and what is encoded reads back.
#include "admin/target.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace sims;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto target = admin::parse_target(text);
    if (!target) return 0;
    check(target->path.size() <= admin::TargetLimits::segments_max, "too many segments");
    check(target->query.size() <= admin::TargetLimits::parameters_max, "too many parameters");
    std::string again;
    for (const auto& segment : target->path) again += "/" + admin::percent_encode(segment);
    if (again.empty() || again.size() > admin::TargetLimits::bytes_max) return 0;
    const auto twice = admin::parse_target(again);
    check(twice.has_value() && twice->path == target->path, "a path does not read back");
    return 0;
}
