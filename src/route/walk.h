// The way of one address through the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "route/pattern_index.h"
#include "route/record.h"
#include "route/router.h"

namespace sims::route {

// The table's records and how to find them. `order` is the index in `records`.
struct Records {
    std::vector<Record> records;
    PatternIndex domains;         // client.com, *.client.com
    PatternIndex locals;          // <sales>, <sales*>
    PatternIndex addresses;       // <sales@client.com>, <*@client.com>: the domain is named
    PatternIndex named_domains;   // client.com: no '*'
    PatternIndex open_addresses;  // <sales@*.client.com>: it is not
};

// One question. Made for each address anew.
class Walk {
public:
    Walk(const Records& records, const LocalNames& names) : records_(records), names_(names) {}
    Route run(const mail::Address& address);

private:
    // An address on its way, and what is known about how it got here.
    struct Path {
        std::string local;
        std::string domain;        // routing form; empty: the main domain
        std::string shown_domain;  // as written, for the envelope
        std::string came_by;       // the main domain's name, when the address was written with it
        std::size_t rounds = 0;
        bool own = false;          // `domain` is a further domain of ours
        bool granted = false;      // a record relays for it
        bool unified = false;      // by a unified or catch-all route
        bool local_named = false;  // the local part is the table's word, not the sender's
        bool names_only = false;   // this address itself is meant: no more records
    };
    struct Found {
        const Record* record = nullptr;
        std::string captured;  // what '*' stands for
    };

    void follow(Path path);
    bool settle_domain(Path& path);
    bool unfold_local(Path& path);
    std::optional<Found> find_record(const Path& path) const;
    void follow_record(const Path& path, const Found& found);
    bool apply(Path& path, const Target& target, const Found& found);
    bool set_address(Path& path, std::string local, std::string domain);
    bool follow_default_record(Path& path);
    bool drop_tag(Path& path);
    std::optional<std::string> account(const Path& path) const;
    void end_local(const Path& path);
    void end_foreign(const Path& path);
    void end_at_host(const Path& path, std::string host, std::uint16_t port);
    void end_at_account(const Path& path, std::string name);
    void end_as(ResultKind kind);
    void end(RouteResult result);
    void refuse(std::string text);
    void step(std::string_view by, const Path& path, std::size_t line = 0);
    void finish();

    const Records& records_;
    const LocalNames& names_;
    Route route_;
    std::size_t work_ = 0;
    bool relay_ = true;
};

}  // namespace sims::route
