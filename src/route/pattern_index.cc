#include "route/pattern_index.h"

#include <algorithm>

namespace sims::route {

void PatternIndex::add(std::string_view pattern, std::uint32_t order) {
    const auto star = pattern.find('*');
    if (star == std::string_view::npos) {
        exact_.emplace(pattern, order);  // the first of equal ones stays
        return;
    }
    const auto head = star;
    const auto tail = pattern.size() - star - 1;
    const auto [at, added] = shape_at_.emplace((std::uint64_t{head} << 32) | tail, shapes_.size());
    if (added) shapes_.push_back({head, tail, order, {}});
    std::string key(pattern);
    key.erase(star, 1);
    shapes_[at->second].orders.emplace(std::move(key), order);
}

void PatternIndex::seal() {
    std::sort(shapes_.begin(), shapes_.end(),
              [](const Shape& a, const Shape& b) { return a.first < b.first; });
    shape_at_.clear();
}

std::optional<PatternIndex::Match> PatternIndex::find(std::string_view text, std::uint32_t before) const {
    std::optional<Match> best;
    std::string key(text);
    if (const auto found = exact_.find(key); found != exact_.end() && found->second < before) {
        before = found->second;
        best = Match{before, 0, 0};
    }
    for (const auto& shape : shapes_) {
        if (shape.first >= before) break;  // nothing further down comes earlier
        if (text.size() < shape.head + shape.tail) continue;
        key.assign(text.substr(0, shape.head));
        key.append(text.substr(text.size() - shape.tail));
        const auto found = shape.orders.find(key);
        if (found == shape.orders.end() || found->second >= before) continue;
        before = found->second;
        best = Match{before, shape.head, text.size() - shape.head - shape.tail};
    }
    return best;
}

}  // namespace sims::route
