#include "net/socket_address.h"

#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <netinet/in.h>

#include <fmt/format.h>

namespace sims::net {

namespace {

const sockaddr_in& as_ipv4(const sockaddr_storage& storage) {
    return reinterpret_cast<const sockaddr_in&>(storage);
}
const sockaddr_in6& as_ipv6(const sockaddr_storage& storage) {
    return reinterpret_cast<const sockaddr_in6&>(storage);
}

}  // namespace

const sockaddr* SocketAddress::get() const { return reinterpret_cast<const sockaddr*>(&storage); }

std::uint16_t SocketAddress::port() const {
    if (family() == AF_INET) return ntohs(as_ipv4(storage).sin_port);
    if (family() == AF_INET6) return ntohs(as_ipv6(storage).sin6_port);
    return 0;
}

std::string SocketAddress::host() const {
    char text[INET6_ADDRSTRLEN] = {};
    if (family() == AF_INET) {
        inet_ntop(AF_INET, &as_ipv4(storage).sin_addr, text, sizeof text);
    } else if (family() == AF_INET6) {
        const in6_addr& address = as_ipv6(storage).sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&address)) {
            inet_ntop(AF_INET, address.s6_addr + 12, text, sizeof text);
        } else {
            inet_ntop(AF_INET6, &address, text, sizeof text);
        }
    }
    return text;
}

std::string SocketAddress::text() const {
    const std::string name = host();
    if (name.find(':') != std::string::npos) return fmt::format("[{}]:{}", name, port());
    return fmt::format("{}:{}", name, port());
}

std::optional<SocketAddress> parse_socket_address(std::string_view host, std::uint16_t port) {
    const std::string text(host);
    SocketAddress result;
    sockaddr_in ipv4{};
    if (inet_pton(AF_INET, text.c_str(), &ipv4.sin_addr) == 1) {
        ipv4.sin_family = AF_INET;
        ipv4.sin_port = htons(port);
        std::memcpy(&result.storage, &ipv4, sizeof ipv4);
        result.length = sizeof ipv4;
        return result;
    }
    sockaddr_in6 ipv6{};
    if (inet_pton(AF_INET6, text.c_str(), &ipv6.sin6_addr) == 1) {
        ipv6.sin6_family = AF_INET6;
        ipv6.sin6_port = htons(port);
        std::memcpy(&result.storage, &ipv6, sizeof ipv6);
        result.length = sizeof ipv6;
        return result;
    }
    return std::nullopt;
}

std::optional<SocketAddress> parse_socket_address(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    // "::1:25" could be read two ways; a bracketed IPv4 address is a slip.
    if (bracketed != (host.find(':') != std::string_view::npos)) return std::nullopt;
    return parse_socket_address(host, port);
}

SocketAddress peer_of(int descriptor) {
    SocketAddress result;
    result.length = sizeof result.storage;
    if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&result.storage), &result.length) != 0) return {};
    return result;
}

SocketAddress local_of(int descriptor) {
    SocketAddress result;
    result.length = sizeof result.storage;
    if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&result.storage), &result.length) != 0) return {};
    return result;
}

}  // namespace sims::net
