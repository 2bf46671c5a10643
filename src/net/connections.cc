#include "net/connections.h"

#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include "base/check.h"
#include "net/reactors.h"
#include "net/socket_stream.h"

namespace sims::net {

Connections::Connections(std::function<ConnectionLimits()> limits) : limits_(std::move(limits)) {}

Connections::Admission Connections::enter(const std::string& address) {
    const ConnectionLimits limits = limits_();
    const std::lock_guard lock(mutex_);
    if (counters_.current >= limits.total) {
        ++counters_.refused;
        return Admission::too_many;
    }
    if (!address.empty()) {
        std::size_t& of_address = by_address_[address];
        if (limits.per_address > 0 && of_address >= limits.per_address) {
            ++counters_.refused;
            return Admission::too_many_of_address;
        }
        ++of_address;
    }
    ++counters_.current;
    ++counters_.accepted;
    return Admission::welcome;
}

void Connections::leave(const std::string& address) {
    const std::lock_guard lock(mutex_);
    check(counters_.current > 0, "a connection left twice");
    --counters_.current;
    const auto found = by_address_.find(address);
    if (found != by_address_.end() && --found->second == 0) by_address_.erase(found);
}

ConnectionCounters Connections::counters() const {
    const std::lock_guard lock(mutex_);
    return counters_;
}

void Connections::drain(Reactors& reactors) {
    {
        const std::lock_guard lock(mutex_);
        draining_ = true;
    }
    for_each(reactors, &SocketStream::drain);
}

bool Connections::draining() const {
    const std::lock_guard lock(mutex_);
    return draining_;
}

void Connections::close_all(Reactors& reactors) { for_each(reactors, &SocketStream::close); }

void Connections::add(SocketStream* stream) {
    const std::lock_guard lock(mutex_);
    streams_.insert(stream);
}

void Connections::remove(SocketStream* stream) {
    const std::lock_guard lock(mutex_);
    streams_.erase(stream);
}

// A stream is destroyed on its reactor's thread only, so on that thread the pointers stay good.
void Connections::for_each(Reactors& reactors, void (SocketStream::*action)()) {
    for (std::size_t i = 0; i < reactors.size(); ++i) {
        asio::io_context& reactor = reactors.at(i);
        asio::post(reactor, [self = shared_from_this(), &reactor, action] {
            std::vector<SocketStream*> here;
            {
                const std::lock_guard lock(self->mutex_);
                for (SocketStream* stream : self->streams_) {
                    if (stream->belongs_to(reactor)) here.push_back(stream);
                }
            }
            for (SocketStream* stream : here) (stream->*action)();
        });
    }
}

}  // namespace sims::net
