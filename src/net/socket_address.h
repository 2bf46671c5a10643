// Socket addresses as text and back. "192.0.2.1:25", "[2001:db8::1]:25"; host names are the resolver's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace sims::net {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;

    const sockaddr* get() const;
    int family() const { return storage.ss_family; }
    std::uint16_t port() const;
    std::string host() const;  // an IPv4-mapped IPv6 address as IPv4; "" when not of the Internet
    std::string text() const;  // "192.0.2.1:25", "[::]:25"
};

// An IPv4 or IPv6 address without brackets.
std::optional<SocketAddress> parse_socket_address(std::string_view host, std::uint16_t port);
// "address:port", IPv6 in brackets.
std::optional<SocketAddress> parse_socket_address(std::string_view text);

SocketAddress peer_of(int descriptor);
SocketAddress local_of(int descriptor);

}  // namespace sims::net
