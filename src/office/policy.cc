#include "office/policy.h"

#include <algorithm>

#include "base/text.h"

namespace sims::office {

// What local names exist, from the directory's memory.
class Policy::Names final : public route::LocalNames {
public:
    Names(directory::Directory& directory, std::vector<std::string> own_addresses) : directory_(directory) {
        for (const auto& text : own_addresses) {
            if (const auto address = guard::IpAddress::parse(text)) own_.push_back(*address);
        }
        for (const auto* text : {"127.0.0.1", "0.0.0.0", "::1"})
            own_.push_back(*guard::IpAddress::parse(text));
        std::sort(own_.begin(), own_.end());
    }
    bool is_own_domain(std::string_view domain) const override { return directory_.is_own_domain(domain); }
    bool is_main_domain(std::string_view domain) const override {
        return equal_ignoring_case(domain, directory_.main_domain());
    }
    bool is_own_address_literal(std::string_view ip) const override {
        const auto address = guard::IpAddress::parse(ip);
        return address && std::binary_search(own_.begin(), own_.end(), *address);
    }
    std::optional<std::string> account(std::string_view name, std::string_view domain) const override {
        const auto account = directory_.find({std::string(name), std::string(domain)});
        if (!account) return std::nullopt;
        return account->name.name;
    }

private:
    directory::Directory& directory_;
    std::vector<guard::IpAddress> own_;  // sorted
};

Policy::Policy(directory::Directory& directory, Quota& quota, std::vector<std::string> own_addresses,
               Log& log)
    : directory_(directory),
      quota_(quota),
      log_(log),
      names_(std::make_unique<Names>(directory, std::move(own_addresses))) {}

Policy::~Policy() = default;

Result<std::unique_ptr<Policy>> Policy::open(directory::Directory& directory, Quota& quota,
                                             std::vector<std::string> own_addresses, Log& log) {
    std::unique_ptr<Policy> policy(new Policy(directory, quota, std::move(own_addresses), log));
    auto table = route::Table::compile(directory.router_table());
    if (!table) return fail(Fault::invalid, "the saved Router table: " + table.error().text);
    policy->table_ = std::move(*table);
    return policy;
}

route::Route Policy::route(const mail::Address& address) const {
    route::TablePointer table;
    {
        const std::lock_guard lock(mutex_);
        table = table_;
    }
    return table->route(address, *names_);
}

Result<> Policy::set_table(std::string_view text) {
    auto table = route::Table::compile(text);
    if (!table) return table.error();
    if (auto saved = directory_.set_router_table(text); !saved) return saved.error();
    const std::lock_guard lock(mutex_);
    table_ = std::move(*table);
    return {};
}

guard::AddressRanges Policy::ranges(const directory::Settings& settings, std::string_view key) const {
    auto ranges = guard::AddressRanges::parse(settings.list("smtp", key));
    if (ranges) return std::move(*ranges);
    // Saved by a version that judged otherwise. An empty list lets nobody relay; of a black list it is said
    // loudly.
    log_.line(LogLevel::failures, Service::smtp, "", "policy.unusable_list",
              "the setting smtp {} is not usable and counts as empty until it is mended: {}", key,
              ranges.error().text);
    return {};
}

std::shared_ptr<const Policy::Hosts> Policy::hosts() const {
    const auto settings = directory_.settings();
    const std::lock_guard lock(mutex_);
    if (compiled_for_ != settings) {
        hosts_ = std::make_shared<const Hosts>(
            Hosts{ranges(*settings, "client_hosts"), ranges(*settings, "black_list")});
        compiled_for_ = settings;
    }
    return hosts_;
}

bool Policy::may_relay(const mail::Peer& peer) const {
    if (!peer.account.empty()) return true;
    if (peer.address.empty())
        return true;  // local submission: the administrator's socket, or the server itself
    return hosts()->clients.contains(peer.address);
}

bool Policy::is_black_listed(const mail::Peer& peer) const {
    if (peer.address.empty() || !peer.account.empty()) return false;
    const auto lists = hosts();
    return lists->black_list.contains(peer.address) && !lists->clients.contains(peer.address);
}

// RFC 5321 4.5.1, RFC 2142: whoever was listed by mistake must be able to say so (sims-reference 23.2).
bool Policy::is_always_welcome(const mail::Address& recipient) const {
    if (!equal_ignoring_case(recipient.local(), "postmaster") &&
        !equal_ignoring_case(recipient.local(), "abuse")) {
        return false;
    }
    return recipient.domain().empty() || directory_.is_own_domain(recipient.domain());
}

std::optional<Refusal> Policy::judge_sender(const mail::Peer& peer, const mail::ReversePath& sender) const {
    if (peer.account.empty() || !sender.address) return std::nullopt;
    const Refusal not_yours{550, "5.7.1 This sender address is not yours"};
    const auto account = directory_.find_login(peer.account);
    if (!account) return not_yours;
    const auto& address = *sender.address;
    if (account->administrator && directory_.is_own_domain(address.domain())) return std::nullopt;
    const auto& [name, domain] = account->name;
    const auto local = address.local().substr(0, address.local().find('+'));
    if (equal_ignoring_case(local, name) &&
        equal_ignoring_case(address.domain(), domain.empty() ? directory_.main_domain() : domain)) {
        return std::nullopt;
    }
    const auto route = this->route(address);
    for (const auto& result : route.results) {
        if (result.kind == route::ResultKind::account && equal_ignoring_case(result.account, name) &&
            equal_ignoring_case(result.domain, domain)) {
            return std::nullopt;
        }
    }
    return not_yours;
}

std::optional<Refusal> Policy::judge_recipient(const mail::Peer& peer, const mail::Address& recipient) const {
    const auto route = this->route(recipient);
    std::optional<Refusal> full;
    for (const auto& result : route.results) {
        switch (result.kind) {
            case route::ResultKind::refuse: return Refusal{550, result.text};
            case route::ResultKind::account: {
                const auto account = directory_.find({result.account, result.domain});
                if (account && !account->enabled) return Refusal{550, "5.2.1 This mailbox takes no mail"};
                if (account && quota_.is_full(*account)) full = Refusal{452, "4.2.2 Mailbox full"};
                break;
            }
            case route::ResultKind::mirror:
            case route::ResultKind::smtp:
            case route::ResultKind::discard:
            case route::ResultKind::spamtrap: break;
        }
    }
    if (is_black_listed(peer) && !is_always_welcome(recipient)) {
        return Refusal{550, "5.7.1 Your address " + peer.address + " is on the black list of this server"};
    }
    if (!route.relay && !may_relay(peer))
        return Refusal{550, "5.7.1 Relaying denied: not a recipient of this server"};
    return full;  // last: who may never send here is not told to try again
}

}  // namespace sims::office
