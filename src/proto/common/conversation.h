// What all our protocol sessions have in common: a value that is told what happened and says what to do next.
// No socket, no clock, no coroutine inside. A Step is what to send now and exactly one effect.
#pragma once

#include <concepts>
#include <utility>

namespace sims::proto {

template <class S>
concept Conversation = requires(S session, typename S::Input input) {
    { session.greet() } -> std::same_as<typename S::Step>;
    { session.on(std::move(input)) } -> std::same_as<typename S::Step>;
};

}  // namespace sims::proto
