// Finds the first of many patterns that fits a text, without looking at the others: patterns without '*' in a
// hash table, those with one by what stands before and behind it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sims::route {

class PatternIndex {
public:
    struct Match {
        std::uint32_t order = 0;
        std::size_t star_at = 0, star_length = 0;  // what '*' stands for, in the text asked about
    };

    // Patterns come in their order, first match wins; `pattern` has at most one '*'. Call seal() once behind
    // the last.
    void add(std::string_view pattern, std::uint32_t order);
    void seal();
    // The first pattern that fits, if it comes before `before`.
    std::optional<Match> find(std::string_view text, std::uint32_t before = UINT32_MAX) const;

private:
    // Patterns whose parts have these lengths: one look-up for all of them.
    struct Shape {
        std::size_t head = 0, tail = 0;
        std::uint32_t first = 0;  // the smallest order in it
        std::unordered_map<std::string, std::uint32_t> orders;
    };

    std::unordered_map<std::string, std::uint32_t> exact_;
    std::vector<Shape> shapes_;
    std::unordered_map<std::uint64_t, std::size_t> shape_at_;  // by both lengths, until seal()
};

}  // namespace sims::route
