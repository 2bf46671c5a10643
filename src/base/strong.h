// Ids and counts as types: a QueueId is not a size. `struct QueueId : Strong<std::uint64_t, QueueId> {};`
#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace sims {

template <class T, class Tag>
struct Strong {
    T value{};
    friend constexpr auto operator<=>(const Strong&, const Strong&) = default;
    friend constexpr bool operator==(const Strong&, const Strong&) = default;
};

// For std::unordered_map<Id, X, StrongHash<Id>>.
template <class Id>
struct StrongHash {
    std::size_t operator()(const Id& id) const { return std::hash<decltype(id.value)>{}(id.value); }
};

}  // namespace sims
