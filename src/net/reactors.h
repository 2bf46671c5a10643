// The threads that speak with the network: one event loop (io_context) a core, each run by exactly one
// thread, so that a session needs neither lock nor strand.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace sims::net {

namespace asio = boost::asio;

class Reactors {
public:
    explicit Reactors(std::size_t count);
    // Stops, if that was not done. What still waits in the loops is destroyed with them: whatever owns
    // descriptors or timers of a reactor and is not owned by a coroutine must be destroyed before.
    ~Reactors();
    Reactors(const Reactors&) = delete;
    Reactors& operator=(const Reactors&) = delete;

    std::size_t size() const;
    asio::io_context& at(std::size_t index);
    asio::io_context& next();  // round robin; any thread

    // Starts the threads: once, and after any fork().
    void start();
    // Each loop ends after the handler it is in; returns when all threads have. Not from a reactor's thread.
    void stop();

private:
    struct Reactor;
    std::vector<std::unique_ptr<Reactor>> reactors_;
    std::atomic<std::size_t> turn_{0};
};

}  // namespace sims::net
