#include "net/dns_rdata.h"

#include <arpa/inet.h>
#include <cstdint>

#include "base/text.h"

namespace sims::net {

namespace {

unsigned octet(char c) { return static_cast<unsigned char>(c); }

// Blanks, dots and backslashes inside a label, or octets that are not ASCII, are no host's.
bool is_label_octet(char c) { return octet(c) > ' ' && octet(c) < 127 && c != '.' && c != '\\' && c != '"'; }

// A name in wire form that takes all of `wire`; "" is the root.
std::optional<std::string> decode_name(std::string_view wire) {
    std::string name;
    for (;;) {
        if (wire.empty()) return std::nullopt;
        const std::size_t length = octet(wire.front());
        wire.remove_prefix(1);
        if (length == 0) break;
        if (length > dns_label_octets_max || length > wire.size()) return std::nullopt;
        if (!name.empty()) name.push_back('.');
        for (const char c : wire.substr(0, length)) {
            if (!is_label_octet(c)) return std::nullopt;
            name.push_back(to_lower(c));
        }
        if (name.size() > dns_name_octets_max) return std::nullopt;
        wire.remove_prefix(length);
    }
    if (!wire.empty()) return std::nullopt;
    return name;
}

}  // namespace

bool is_dns_name(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty() || name.size() > dns_name_octets_max) return false;
    std::size_t label = 0;
    for (const char c : name) {
        if (c == '.') {
            if (label == 0) return false;
            label = 0;
            continue;
        }
        if (!is_label_octet(c) || ++label > dns_label_octets_max) return false;
    }
    return label > 0;
}

std::optional<MxRecord> decode_mx(std::string_view rdata) {
    if (rdata.size() < 3) return std::nullopt;
    auto host = decode_name(rdata.substr(2));
    if (!host) return std::nullopt;
    const auto preference = static_cast<std::uint16_t>(octet(rdata[0]) << 8 | octet(rdata[1]));
    return MxRecord{preference, std::move(*host)};
}

std::optional<std::string> decode_address(std::string_view rdata) {
    char text[INET6_ADDRSTRLEN] = {};
    if (rdata.size() == 4) {
        inet_ntop(AF_INET, rdata.data(), text, sizeof text);
    } else if (rdata.size() == 16) {
        inet_ntop(AF_INET6, rdata.data(), text, sizeof text);
    } else {
        return std::nullopt;
    }
    return std::string(text);
}

std::optional<std::string> decode_text(std::string_view rdata) {
    std::string joined;
    if (rdata.empty()) return std::nullopt;
    while (!rdata.empty()) {
        const std::size_t length = octet(rdata.front());
        if (length + 1 > rdata.size()) return std::nullopt;
        joined.append(rdata.substr(1, length));
        rdata.remove_prefix(length + 1);
    }
    return joined;
}

}  // namespace sims::net
