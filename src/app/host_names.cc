#include "app/host_names.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <ifaddrs.h>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include "mail/address.h"

namespace sims::app {

namespace {

std::string node_name() {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
    return name.data();
}

// The canonical name by /etc/hosts or DNS; empty when there is none.
std::string canonical_name(const std::string& node) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_CANONNAME;
    addrinfo* found = nullptr;
    if (getaddrinfo(node.c_str(), nullptr, &hints, &found) != 0) return {};
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
    return found->ai_canonname == nullptr ? std::string() : std::string(found->ai_canonname);
}

bool is_link_local(const in6_addr& address) { return IN6_IS_ADDR_LINKLOCAL(&address); }

}  // namespace

HostNames host_names() {
    const auto node = node_name();
    auto full = node;
    // Only a name with a dot says more than the node's own.
    if (node.find('.') == std::string::npos) {
        const auto canonical = canonical_name(node);
        if (canonical.find('.') != std::string::npos) full = canonical;
    }
    const auto ascii = mail::ascii_domain(full);
    HostNames out;
    out.hostname = ascii && !ascii->empty() ? *ascii : std::string("localhost");
    const auto dot = out.hostname.find('.');
    out.domain = dot == std::string::npos ? out.hostname : out.hostname.substr(dot + 1);
    return out;
}

std::vector<std::string> own_addresses() {
    std::vector<std::string> out;
    ifaddrs* first = nullptr;
    if (getifaddrs(&first) != 0) return out;
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owned(first, &freeifaddrs);
    for (const auto* one = first; one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr) continue;
        std::array<char, INET6_ADDRSTRLEN> text{};
        const void* bytes = nullptr;
        if (one->ifa_addr->sa_family == AF_INET) {
            bytes = &reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr;
        } else if (one->ifa_addr->sa_family == AF_INET6) {
            const auto& address = reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr;
            if (!is_link_local(address)) bytes = &address;
        }
        if (bytes == nullptr ||
            inet_ntop(one->ifa_addr->sa_family, bytes, text.data(), text.size()) == nullptr)
            continue;
        if (std::find(out.begin(), out.end(), text.data()) == out.end()) out.emplace_back(text.data());
    }
    return out;
}

}  // namespace sims::app
