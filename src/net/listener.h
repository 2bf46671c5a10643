// An open door: accepts connections within the service's limits and hands them round robin to the reactors.
// Knows no protocol; who is turned away gets the protocol's own words.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/log.h"
#include "base/result.h"
#include "net/connections.h"
#include "net/stream.h"

namespace sims::net {

class Reactors;

// Called on the thread of `reactor`, which the stream belongs to: it spawns the session there.
using OnConnection = std::function<void(asio::io_context& reactor, std::unique_ptr<Stream> stream)>;

struct ListenerSettings {
    std::string address;  // "127.0.0.1:25", "[::]:25" (IPv4 too; IPv4 alone where there is no IPv6); port 0:
                          // any free one
    Service service = Service::server;  // for the log
    std::string
        refusal;  // to those over a limit, "421 4.7.0 ...\r\n"; "" where TLS is spoken from the first byte
};

class Listener {
public:
    // Binds and listens; nobody is accepted before start(), so that privileges can be dropped between.
    // Errors: `invalid` for an address that is none, else the system's words with the address.
    static Result<std::unique_ptr<Listener>> open(Reactors& reactors, ListenerSettings settings,
                                                  ConnectionsPointer connections, Log& log);
    // On a Unix socket; settings.address is its path. Mode 0600 from the first instant. A socket left behind
    // is replaced; one that somebody answers on is `busy`.
    static Result<std::unique_ptr<Listener>> open_local(Reactors& reactors, ListenerSettings settings,
                                                        ConnectionsPointer connections, Log& log);
    // Stops. Must end before the reactors are destroyed.
    virtual ~Listener() = default;

    virtual void start(OnConnection on_connection) = 0;
    // No more connections: the port is closed soon after. A Unix socket's file is removed.
    virtual void stop() = 0;
    virtual std::string address() const = 0;  // as bound: "127.0.0.1:43210", or the path
};

}  // namespace sims::net
