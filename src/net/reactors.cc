#include "net/reactors.h"

#include <optional>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>

#include "base/check.h"

namespace sims::net {

struct Reactors::Reactor {
    // One thread runs it, so Asio may leave out what only several would need.
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
    std::optional<std::thread> thread;
};

Reactors::Reactors(std::size_t count) {
    check(count > 0, "no reactors");
    for (std::size_t i = 0; i < count; ++i) reactors_.push_back(std::make_unique<Reactor>());
}

Reactors::~Reactors() { stop(); }

std::size_t Reactors::size() const { return reactors_.size(); }

asio::io_context& Reactors::at(std::size_t index) {
    check(index < reactors_.size(), "no such reactor");
    return reactors_[index]->context;
}

asio::io_context& Reactors::next() {
    return reactors_[turn_.fetch_add(1, std::memory_order_relaxed) % reactors_.size()]->context;
}

void Reactors::start() {
    for (auto& reactor : reactors_) {
        check(!reactor->thread, "reactors started twice");
        reactor->thread.emplace([context = &reactor->context] { context->run(); });
    }
}

void Reactors::stop() {
    for (auto& reactor : reactors_) reactor->context.stop();
    for (auto& reactor : reactors_) {
        if (!reactor->thread) continue;
        reactor->thread->join();
        reactor->thread.reset();
    }
}

}  // namespace sims::net
