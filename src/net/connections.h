// Who is connected to a service: counted, limited, and closed in an orderly way. Shared by the listeners of
// one service and by its live streams. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace sims::net {

class Reactors;
class SocketStream;

struct ConnectionLimits {
    std::size_t total = 1000;
    std::size_t per_address = 0;  // 0: no limit of its own
};

struct ConnectionCounters {
    std::size_t current = 0;
    std::uint64_t accepted = 0;  // since start
    std::uint64_t refused = 0;   // for a limit, since start
};

class Connections : public std::enable_shared_from_this<Connections> {
public:
    // `limits` is asked at each connection, from reactor threads: it reads the settings of the moment.
    explicit Connections(std::function<ConnectionLimits()> limits);

    enum class Admission { welcome, too_many, too_many_of_address };
    // Counts a connection in when it is welcome; each welcome is ended by leave(). `address` "" (a Unix
    // socket) counts for the total only.
    Admission enter(const std::string& address);
    void leave(const std::string& address);
    ConnectionCounters counters() const;

    // Orderly stop: from now on each stream's fill() says false once nothing is buffered, at once for those
    // that wait in it; a reply in flight is finished first. Streams that come later are born so.
    void drain(Reactors& reactors);
    bool draining() const;
    // Pulls the plug on what is left.
    void close_all(Reactors& reactors);

    // The streams themselves, for the two above.
    void add(SocketStream* stream);
    void remove(SocketStream* stream);

private:
    void for_each(Reactors& reactors, void (SocketStream::*action)());

    const std::function<ConnectionLimits()> limits_;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, std::size_t> by_address_;
    std::unordered_set<SocketStream*> streams_;
    ConnectionCounters counters_;
    bool draining_ = false;
};
using ConnectionsPointer = std::shared_ptr<Connections>;  // held by listeners, live streams and the monitor

}  // namespace sims::net
