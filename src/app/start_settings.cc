#include "app/start_settings.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <functional>
#include <optional>

#include <fmt/format.h>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "base/text.h"
#include "mail/address.h"

namespace sims::app {

namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
    return port;
}

bool is_address(int family, const std::string& text) {
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    return inet_pton(family, text.c_str(), bytes.data()) == 1;
}

std::uint32_t line_of(const toml::node& node) { return node.source().begin.line; }

// Reads one file: every take_ looks at one key, notes what is wrong with it, and leaves the default then.
class Reader {
public:
    explicit Reader(ParsedSettings& out) : out_(out) {}

    void fault(std::uint32_t line, std::string_view key, std::string text) {
        out_.faults.push_back({line, std::string(key), std::move(text)});
    }

    const std::string* text(const toml::node& node, std::string_view key) {
        if (const auto* value = node.as_string()) return &value->get();
        fault(line_of(node), key, "must be a text in quotes");
        return nullptr;
    }

    void domain(const toml::node& node, std::string_view key, std::string& into) {
        const auto* value = text(node, key);
        if (value == nullptr) return;
        auto ascii = mail::ascii_domain(*value);
        if (!ascii || value->empty()) {
            fault(line_of(node), key, fmt::format("\"{}\" is not a domain name", printable(*value)));
            return;
        }
        into = std::move(*ascii);
    }

    void texts(const toml::node& node, std::string_view key,
               const std::function<void(const toml::node&, const std::string&)>& each) {
        const auto* array = node.as_array();
        if (array == nullptr) {
            fault(line_of(node), key, "must be a list of texts, as in [\"127.0.0.1:25\"]");
            return;
        }
        for (const auto& element : *array) {
            if (const auto* value = text(element, key)) each(element, *value);
        }
    }

    void addresses(const toml::node& node, std::string_view key, std::vector<ListenAddress>& into) {
        std::vector<ListenAddress> found;
        texts(node, key, [&](const toml::node& element, const std::string& value) {
            auto address = parse_listen_address(value);
            if (!address) {
                fault(line_of(element), key, address.error().text);
            } else if (const auto* taken = user_of(*address); taken != nullptr) {
                fault(line_of(element), key, fmt::format("{} is given to '{}' already", value, *taken));
            } else {
                used_.emplace_back(*address, std::string(key));
                found.push_back(std::move(*address));
            }
        });
        into = std::move(found);
    }

    void port(const toml::node& node, std::string_view key, std::uint16_t& into) {
        const auto* value = node.as_integer();
        if (value == nullptr || value->get() < 1 || value->get() > 65535) {
            fault(line_of(node), key, "must be a port number, 1 to 65535");
            return;
        }
        into = static_cast<std::uint16_t>(value->get());
    }

private:
    const std::string* user_of(const ListenAddress& address) const {
        for (const auto& [taken, key] : used_) {
            if (taken == address) return &key;
        }
        return nullptr;
    }

    ParsedSettings& out_;
    std::vector<std::pair<ListenAddress, std::string>> used_;
};

// Goes through the keys of one table; `known` says whether it took the key.
void each_key(Reader& reader, const toml::table& table, std::string_view prefix,
              const std::function<bool(std::string_view, const toml::node&)>& known) {
    for (const auto& [key, node] : table) {
        const std::string full = fmt::format("{}{}", prefix, key.str());
        if (!known(key.str(), node)) reader.fault(key.source().begin.line, full, "there is no such key");
    }
}

const toml::table* section(Reader& reader, const toml::node& node, std::string_view key) {
    if (const auto* table = node.as_table()) return table;
    reader.fault(line_of(node), key, fmt::format("must be a section, [{}]", key));
    return nullptr;
}

void read_listen(Reader& reader, const toml::table& table, ListenSettings& listen) {
    each_key(reader, table, "listen.", [&](std::string_view key, const toml::node& node) {
        const std::string full = fmt::format("listen.{}", key);
        const std::pair<std::string_view, std::vector<ListenAddress>*> services[] = {
            {"smtp", &listen.smtp},
            {"submission", &listen.submission},
            {"submissions", &listen.submissions},
            {"pop3", &listen.pop3},
            {"pop3s", &listen.pop3s},
            {"poppassd", &listen.poppassd},
            {"poppassds", &listen.poppassds},
            {"admin", &listen.admin},
        };
        for (const auto& [name, into] : services) {
            if (name != key) continue;
            reader.addresses(node, full, *into);
            return true;
        }
        if (key != "appletalk") return false;
        std::size_t count = 0;
        reader.texts(node, full, [&](const toml::node&, const std::string&) { ++count; });
        if (count > 0) listen.unavailable.emplace_back(key);
        return true;
    });
}

void read_tls(Reader& reader, const toml::table& table, StartSettings& settings) {
    each_key(reader, table, "tls.", [&](std::string_view key, const toml::node& node) {
        if (key != "certificate" && key != "key") return false;
        if (const auto* value = reader.text(node, fmt::format("tls.{}", key))) {
            auto& into = key == "key" ? settings.key : settings.certificate;
            into = *value;
        }
        return true;
    });
    if (settings.certificate.empty() != settings.key.empty()) {
        const auto* missing = settings.key.empty() ? "tls.key" : "tls.certificate";
        reader.fault(line_of(table), missing, "a certificate and its key go together: give both or none");
    }
}

void read_dns(Reader& reader, const toml::table& table, StartSettings& settings) {
    each_key(reader, table, "dns.", [&](std::string_view key, const toml::node& node) {
        if (key != "servers") return false;
        reader.texts(node, "dns.servers", [&](const toml::node& element, const std::string& value) {
            const auto address = parse_listen_address(value);
            if (!address) {
                reader.fault(line_of(element), "dns.servers", address.error().text);
                return;
            }
            settings.dns_servers.push_back(address->text());
        });
        return true;
    });
}

void read_storage(Reader& reader, const toml::table& table) {
    each_key(reader, table, "storage.", [&](std::string_view key, const toml::node& node) {
        if (key != "engine") return false;
        const auto* value = reader.text(node, "storage.engine");
        if (value != nullptr && *value != "embedded") {
            reader.fault(line_of(node), "storage.engine",
                         fmt::format("\"{}\" is not an engine of this server: there is \"embedded\"",
                                     printable(*value)));
        }
        return true;
    });
}

bool read_section(Reader& reader, std::string_view key, const toml::node& node, StartSettings& settings) {
    if (key != "listen" && key != "tls" && key != "dns" && key != "outbound" && key != "storage")
        return false;
    const auto* table = section(reader, node, key);
    if (table == nullptr) return true;
    if (key == "listen") read_listen(reader, *table, settings.listen);
    if (key == "tls") read_tls(reader, *table, settings);
    if (key == "dns") read_dns(reader, *table, settings);
    if (key == "storage") read_storage(reader, *table);
    if (key == "outbound") {
        each_key(reader, *table, "outbound.", [&](std::string_view name, const toml::node& value) {
            if (name != "port") return false;
            reader.port(value, "outbound.port", settings.outbound_port);
            return true;
        });
    }
    return true;
}

}  // namespace

std::string ListenAddress::text() const {
    if (address.find(':') == std::string::npos) return fmt::format("{}:{}", address, port);
    return fmt::format("[{}]:{}", address, port);
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
    const auto colon = text.rfind(':');
    const auto bad = [&](std::string_view why) {
        return fail(Fault::invalid, fmt::format("\"{}\" is not \"address:port\": {}", printable(text), why));
    };
    if (colon == std::string_view::npos) return bad("the port is missing");
    const auto port = parse_port(text.substr(colon + 1));
    auto host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (!bracketed && host.find(':') != std::string_view::npos) {
        return bad("an IPv6 address stands in brackets, as in [::1]:25");
    }
    if (bracketed) host = host.substr(1, host.size() - 2);
    const std::string address(host);
    if (!is_address(bracketed ? AF_INET6 : AF_INET, address)) {
        return bad("the address must be a number, as in 127.0.0.1:25 or [::]:25");
    }
    if (!port) return bad("the port must be 1 to 65535");
    return ListenAddress{address, *port};
}

std::string SettingsFault::sentence(std::string_view file) const {
    const auto where = line > 0 ? fmt::format("{}:{}", file, line) : std::string(file);
    return key.empty() ? fmt::format("{}: {}", where, text)
                       : fmt::format("{}: key '{}': {}", where, key, text);
}

ParsedSettings parse_start_settings(std::string_view toml, const HostNames& host) {
    ParsedSettings out;
    out.settings.domain = host.domain;
    out.settings.hostname = host.hostname;
    Reader reader(out);
    const auto parsed = toml::parse(toml);
    if (!parsed) {
        const auto& error = parsed.error();
        reader.fault(error.source().begin.line, "", std::string(error.description()));
        return out;
    }
    each_key(reader, parsed.table(), "", [&](std::string_view key, const toml::node& node) {
        if (key == "domain") {
            reader.domain(node, key, out.settings.domain);
        } else if (key == "hostname") {
            reader.domain(node, key, out.settings.hostname);
        } else if (key == "user") {
            if (const auto* value = reader.text(node, key)) out.settings.user = *value;
        } else {
            return read_section(reader, key, node, out.settings);
        }
        return true;
    });
    std::stable_sort(out.faults.begin(), out.faults.end(),
                     [](const SettingsFault& a, const SettingsFault& b) { return a.line < b.line; });
    return out;
}

}  // namespace sims::app
