// The start-up settings: BASE/sims.toml. Pure: text in, values or faults out. Every key may be left out; what
// it then means is said in man/sims.toml.5.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sims::app {

// "192.0.2.1:25", "[2001:db8::1]:25".
struct ListenAddress {
    std::string address;  // numeric, without brackets
    std::uint16_t port = 0;
    std::string text() const;
    friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};
// Errors: invalid, with the reason. A host name is no address; port 0 is no port.
Result<ListenAddress> parse_listen_address(std::string_view text);

struct ListenSettings {
    std::vector<ListenAddress> smtp{{"::", 25}};
    std::vector<ListenAddress> submission{{"::", 587}};
    std::vector<ListenAddress> submissions{{"::", 465}};
    std::vector<ListenAddress> pop3{{"::", 110}};
    std::vector<ListenAddress> pop3s{{"::", 995}};
    std::vector<ListenAddress> poppassd{{"127.0.0.1", 106}};  // passwords in clear: this machine only
    std::vector<ListenAddress> poppassds;
    std::vector<ListenAddress> admin{{"127.0.0.1", 8100}};
    // Services the file asks for by name that this program does not have: "appletalk".
    std::vector<std::string> unavailable;
    friend bool operator==(const ListenSettings&, const ListenSettings&) = default;
};

struct StartSettings {
    std::string domain;    // A-labels, lower case
    std::string hostname;  // the same
    std::string user;      // empty: stay what we are
    ListenSettings listen;
    std::string certificate, key;          // paths as written; both or none
    std::vector<std::string> dns_servers;  // "address:port"; empty: /etc/resolv.conf
    std::uint16_t outbound_port = 25;
};

// What the host calls itself: the defaults of `hostname` and `domain`.
struct HostNames {
    std::string hostname;
    std::string domain;
};

struct SettingsFault {
    std::uint32_t line = 0;  // 0: of the file as a whole
    std::string key;         // "listen.smtp"; empty for bad TOML
    std::string text;
    std::string sentence(std::string_view file) const;  // "sims.toml:7: key 'listen.smtp': ..."
};

struct ParsedSettings {
    StartSettings settings;
    std::vector<SettingsFault> faults;  // in the order of lines; settings count only when there is none
};

ParsedSettings parse_start_settings(std::string_view toml, const HostNames& host);

}  // namespace sims::app
