// Where an address goes: parser, own domains, Router table, accounts, mirrors, Unknown (sims-reference 3 to
// 7, 23.1). Pure: a compiled table and a question about which local names exist; the same function serves
// RCPT, the command line, the web and the API.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mail/address.h"

namespace sims::route {

// What local names exist, asked by the router; answered from memory by the directory.
class LocalNames {
public:
    virtual ~LocalNames() = default;
    virtual bool is_own_domain(std::string_view domain) const = 0;
    // Of the own domains, the one whose accounts have the domain "" in a result.
    virtual bool is_main_domain(std::string_view domain) const = 0;
    virtual bool is_own_address_literal(std::string_view ip) const = 0;  // without brackets
    // The canonical name of account `name` in `domain` (empty: main), or nothing. Mirrors (L-...) are
    // accounts here.
    virtual std::optional<std::string> account(std::string_view name, std::string_view domain) const = 0;
};

enum class ResultKind { account, mirror, smtp, discard, refuse, spamtrap };
std::string_view name_of(ResultKind kind);

struct RouteResult {
    ResultKind kind = ResultKind::refuse;
    std::string account, domain;  // account and mirror: canonical name, and its domain (empty: main)
    std::string host;  // smtp: the domain whose MX is used, or a host given by a record, or "[192.0.2.1]"
    std::uint16_t port = 0;                  // smtp: given by a record (then no MX look-up); else 0
    std::optional<mail::Address> recipient;  // smtp: the envelope address to use
    std::string text;                        // refuse: what to say, "5.1.1 ..." with its enhanced code
    bool unified = false;                    // came by a unified or catch-all route: gets X-Real-To
};

struct RouteStep {
    std::string_view by;   // "parser", "own-domain", "record", "default-record", "mirror", "unknown"
    std::size_t line = 0;  // of the table, for "record"
    std::string address;   // what it became
};

struct Route {
    std::vector<RouteStep> steps;
    std::vector<RouteResult> results;  // never empty
    // A stranger may send there: everything that ends here, and what a record relays for (23.1, 23.3). Never
    // when it is refused.
    bool relay = false;
};

struct RouterLimits {
    static constexpr std::size_t rounds_max = 32;
    static constexpr std::size_t results_max = 1000;
    static constexpr std::size_t table_bytes_max = 64 * 1024 * 1024;
};

// The table, compiled. Immutable.
class Table {
public:
    // Errors: every faulty line, "line 7: ...", joined by line ends; then nothing is compiled.
    static Result<std::shared_ptr<const Table>> compile(std::string_view text);
    virtual ~Table() = default;
    virtual Route route(const mail::Address& address, const LocalNames& names) const = 0;
};
using TablePointer = std::shared_ptr<const Table>;  // held by the office and by whoever is routing

}  // namespace sims::route
