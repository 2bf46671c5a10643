// Who may send what where: the Router's answer, the accounts' state and the relay rules, put together.
// Answers from memory. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "directory/directory.h"
#include "guard/address_ranges.h"
#include "mail/envelope.h"
#include "office/post_office.h"
#include "office/quota.h"
#include "route/router.h"

namespace sims::office {

class Policy {
public:
    // Compiles the saved Router table. A table that no longer compiles is an Error: better no mail than wrong
    // mail.
    static Result<std::unique_ptr<Policy>> open(directory::Directory& directory, Quota& quota,
                                                std::vector<std::string> own_addresses, Log& log);
    ~Policy();

    route::Route route(const mail::Address& address) const;
    // RFC 6409 6.1: who is logged in sends under an address of its own.
    std::optional<Refusal> judge_sender(const mail::Peer& peer, const mail::ReversePath& sender) const;
    std::optional<Refusal> judge_recipient(const mail::Peer& peer, const mail::Address& recipient) const;
    // A client host or a logged-in sender (sims-reference 23.3).
    bool may_relay(const mail::Peer& peer) const;
    Result<> set_table(std::string_view text);

private:
    class Names;
    Policy(directory::Directory& directory, Quota& quota, std::vector<std::string> own_addresses, Log& log);
    // The address lists of the settings, compiled.
    struct Hosts {
        guard::AddressRanges clients;
        guard::AddressRanges black_list;
    };
    std::shared_ptr<const Hosts> hosts() const;
    guard::AddressRanges ranges(const directory::Settings& settings, std::string_view key) const;
    bool is_black_listed(const mail::Peer& peer) const;
    bool is_always_welcome(const mail::Address& recipient) const;

    directory::Directory& directory_;
    Quota& quota_;
    Log& log_;
    std::unique_ptr<Names> names_;
    mutable std::mutex mutex_;
    route::TablePointer table_;
    mutable directory::SettingsPointer compiled_for_;  // of hosts_
    mutable std::shared_ptr<const Hosts> hosts_;       // also held by whoever is judging
};

}  // namespace sims::office
