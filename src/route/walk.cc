#include "route/walk.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "route/address_parser.h"

namespace sims::route {
namespace {

constexpr std::string_view by_parser = "parser";
constexpr std::string_view by_own_domain = "own-domain";
constexpr std::string_view by_record = "record";
constexpr std::string_view by_default_record = "default-record";
constexpr std::string_view by_mirror = "mirror";
constexpr std::string_view by_unknown = "unknown";

constexpr std::string_view loop_text = "5.4.6 Routing loop";
constexpr std::string_view no_user_text = "5.1.1 No such user here";
constexpr std::string_view no_host_text = "5.1.2 No such mail domain";
constexpr std::string_view bad_address_text = "5.1.3 The address leads to none that can be";

constexpr std::string_view postmaster = "Postmaster";
constexpr std::string_view unknown = "Unknown";
constexpr std::string_view unknown_mirror = "L-Unknown";
constexpr std::string_view smtp_suffix = ".smtp";

// Names that stand for the postmaster where no account bears them (23.2, RFC 2142).
constexpr std::array<std::string_view, 6> postmaster_names{"root",       "abuse",     "mailer-daemon",
                                                           "hostmaster", "webmaster", "postmaster"};

// Records that branch and branch again end here.
constexpr std::size_t work_max = 4096;

bool is_mirror(std::string_view account) {
    return account.size() > 2 && starts_with_ignoring_case(account, "L-");
}

bool is_loopback(std::string_view ip) {
    return ip == "127.0.0.1" || ip == "0.0.0.0" || ip == "::1" || ip == "::";
}

bool is_own_host(std::string_view domain, const LocalNames& names) {
    const auto ip = literal_of(domain);
    return ip ? is_loopback(*ip) || names.is_own_address_literal(*ip) : names.is_own_domain(domain);
}

std::string with_capture(const std::string& text, const std::string& captured) {
    const auto star = text.find('*');
    if (star == std::string::npos) return text;
    std::string out = text;
    out.replace(star, 1, captured);
    return out;
}

// A domain as it is written in an address.
std::string written(const std::string& routing) {
    const auto ip = literal_of(routing);
    if (!ip || ip->find(':') == std::string_view::npos) return routing;
    return "[IPv6:" + std::string(*ip) + "]";
}

// With the code of RFC 3463 that a refusal begins with; the administrator may have given one.
std::string refusal_text(const std::string& text) {
    const bool coded = text.size() > 6 && text.substr(0, 2) == "5." && is_digit(text[2]) && text[3] == '.' &&
                       is_digit(text[4]);
    return coded ? text : "5.7.1 " + text;
}

std::string text_of(const std::string& local, const std::string& domain) {
    const auto address = mail::Address::make(local, domain);
    return address ? address->text() : printable(local + "@" + domain);
}

void drop_doubles(std::vector<RouteResult>& results) {
    std::unordered_set<std::string> seen;
    std::vector<RouteResult> once;
    for (auto& r : results) {
        std::string key(name_of(r.kind));
        for (const auto& part : {r.account, r.domain, r.host, std::to_string(r.port), r.text,
                                 r.recipient ? r.recipient->text() : std::string()}) {
            key += '\n';
            key += lower(part);
        }
        if (seen.insert(std::move(key)).second) once.push_back(std::move(r));
    }
    results = std::move(once);
}

}  // namespace

Route Walk::run(const mail::Address& address) {
    Path path;
    path.local = address.local();
    if (address.domain().empty() || set_address(path, address.local(), address.domain())) {
        follow(std::move(path));
    } else {
        refuse(std::string(no_host_text));
    }
    finish();
    return std::move(route_);
}

void Walk::step(std::string_view by, const Path& path, std::size_t line) {
    route_.steps.push_back({by, line, text_of(path.local, path.shown_domain)});
}

// False when it can't be an address: nothing is changed.
bool Walk::set_address(Path& path, std::string local, std::string domain) {
    const auto made = mail::Address::make(local, domain);
    if (!made) return false;
    auto routing = domain.empty() ? std::optional<std::string>("") : routing_domain(made->domain());
    if (!routing) return false;
    path.local = std::move(local);
    path.shown_domain = made->domain();
    if (literal_of(*routing)) path.shown_domain = written(*routing);
    path.domain = std::move(*routing);
    path.came_by.clear();
    path.own = false;
    return true;
}

void Walk::follow(Path path) {
    for (;;) {
        if (++work_ > work_max || path.rounds > RouterLimits::rounds_max)
            return refuse(std::string(loop_text));
        if (settle_domain(path)) continue;
        const bool here = path.domain.empty() || path.own;
        if (here && unfold_local(path)) continue;
        if (!path.names_only) {
            if (const auto found = find_record(path)) return follow_record(path, *found);
        }
        if (!here) return end_foreign(path);
        if (follow_default_record(path)) continue;
        if (drop_tag(path)) continue;
        return end_local(path);
    }
}

// Our own domain or address is taken off; a further domain of ours is marked. True when something changed.
bool Walk::settle_domain(Path& path) {
    if (path.domain.empty() || path.own || !is_own_host(path.domain, names_)) return false;
    const bool literal = literal_of(path.domain).has_value();
    if (!literal && !names_.is_main_domain(path.domain)) {
        path.own = true;
    } else {
        path.came_by = literal ? std::string() : std::move(path.domain);
        path.domain.clear();
        path.shown_domain.clear();
    }
    step(by_own_domain, path);
    return true;
}

bool Walk::unfold_local(Path& path) {
    const auto parts = unfold(path.local);
    if (!parts || !set_address(path, parts->local, parts->domain)) return false;
    // The sender's own route: what was granted for the address it was hidden in is not granted for this one.
    if (!path.local_named) path.granted = false;
    step(by_parser, path);
    return true;
}

std::optional<Walk::Found> Walk::find_record(const Path& path) const {
    std::optional<PatternIndex::Match> best;
    const std::string* text = nullptr;
    const auto look = [&](const PatternIndex& index, const std::string& in) {
        const auto match = index.find(in, best ? best->order : UINT32_MAX);
        if (match) best = match, text = &in;
    };
    const auto& domain = path.domain.empty() ? path.came_by : path.domain;
    const bool here = path.domain.empty() || path.own;
    // With the case of the name as given: what '*' stands for is taken from there.
    const std::string address = path.local + '@' + domain;
    const std::string address_key = lower(address);
    const std::string local_key = lower(path.local);
    if (path.domain.empty()) {
        look(records_.locals, local_key);
    } else {
        // A wild card that fits one of our own domains is not about it: that must be named.
        look(path.own ? records_.named_domains : records_.domains, path.domain);
    }
    if (!domain.empty()) look(records_.addresses, address_key);
    // '*' in the domain must not reach over an '@' that the local part holds.
    if (!here && path.local.find('@') == std::string::npos) look(records_.open_addresses, address_key);
    if (!best) return std::nullopt;
    const std::string& original = text == &local_key     ? path.local
                                  : text == &address_key ? address
                                                         : path.domain;
    return Found{&records_.records[best->order], original.substr(best->star_at, best->star_length)};
}

void Walk::follow_record(const Path& path, const Found& found) {
    const Record& record = *found.record;
    for (const auto& target : record.targets) {
        Path next = path;
        ++next.rounds;
        switch (record.relay) {
            case RelayRule::allow: next.granted = true; break;
            case RelayRule::deny: next.granted = false; break;
            case RelayRule::unsaid:
                // A sender who chooses the host by what '*' stands for has not been sent there by the table.
                if (target.domain.find('*') != std::string::npos)
                    next.granted = false;
                else if (!record.pattern.star_in_domain)
                    next.granted = true;
                break;
        }
        if (apply(next, target, found)) follow(std::move(next));
        if (work_ > work_max) return;
    }
}

// True when the address goes on from there; else its way has ended.
bool Walk::apply(Path& path, const Target& target, const Found& found) {
    const Record& record = *found.record;
    const Path before = path;
    const bool star_left = target.local.find('*') != std::string::npos;
    const auto local = with_capture(target.local, found.captured);
    const auto domain = with_capture(target.domain, found.captured);
    const bool names_local = target.kind == TargetKind::local || target.kind == TargetKind::address ||
                             target.kind == TargetKind::via || target.kind == TargetKind::unified;
    if (names_local) {
        path.local_named = !star_left;
        const bool star_lost =
            record.pattern.has_star && !star_left && target.domain.find('*') == std::string::npos;
        path.unified = path.unified || target.kind == TargetKind::unified || star_lost;
    }
    bool good = true;
    switch (target.kind) {
        case TargetKind::discard:
            step(by_record, path, record.line);
            return end_as(ResultKind::discard), false;
        case TargetKind::spamtrap:
            step(by_record, path, record.line);
            return end_as(ResultKind::spamtrap), false;
        case TargetKind::refuse:
            step(by_record, path, record.line);
            return refuse(refusal_text(target.local)), false;
        case TargetKind::next_hop:
            step(by_record, path, record.line);
            return end_at_host(path, domain, target.port), false;
        case TargetKind::via:
            good = set_address(path, local, written(domain));
            if (!good) break;
            step(by_record, path, record.line);
            // The host is only where it is given to: "a%b" is meant for b.
            unfold_local(path);
            return end_at_host(path, domain, target.port), false;
        case TargetKind::unified:
            path.names_only = true;
            good = set_address(path, local, {});
            break;
        case TargetKind::local:
            good = set_address(path, local, path.own ? path.domain : std::string());
            break;
        case TargetKind::address: good = set_address(path, local, domain); break;
        case TargetKind::domain: good = set_address(path, path.local, domain); break;
    }
    if (!good || path.local.empty()) return refuse(std::string(bad_address_text)), false;
    // "<joe> = joe, joe@elsewhere.example": a record that leads to what it matched means that itself.
    const bool itself = equal_ignoring_case(path.local, before.local) && path.domain == before.domain;
    path.names_only = path.names_only || itself;
    step(by_record, path, record.line);
    return true;
}

bool Walk::follow_default_record(Path& path) {
    const bool is_default =
        std::any_of(postmaster_names.begin(), postmaster_names.end(),
                    [&](std::string_view name) { return equal_ignoring_case(name, path.local); });
    if (!is_default || account(path)) return false;
    // The main domain's Postmaster himself: there is nobody else to ask.
    if (path.domain.empty() && equal_ignoring_case(path.local, postmaster)) return false;
    ++path.rounds;
    set_address(path, std::string(postmaster), {});
    path.local_named = true;
    step(by_default_record, path);
    return true;
}

// "joe+lists" is joe where there is no such account.
bool Walk::drop_tag(Path& path) {
    const auto plus = path.local.find('+');
    if (plus == std::string::npos || plus == 0 || account(path)) return false;
    path.local.resize(plus);
    step(by_parser, path);
    return true;
}

std::optional<std::string> Walk::account(const Path& path) const {
    if (path.local.empty()) return std::nullopt;
    return names_.account(path.local, path.domain);
}

void Walk::end_local(const Path& path) {
    if (auto name = account(path)) return end_at_account(path, std::move(*name));
    step(by_unknown, path);
    Path caught = path;
    caught.unified = true;
    for (const auto name : {unknown, unknown_mirror}) {
        if (auto account = names_.account(name, path.domain))
            return end_at_account(caught, std::move(*account));
    }
    refuse(std::string(no_user_text));
}

void Walk::end_at_account(const Path& path, std::string name) {
    RouteResult result;
    result.kind = is_mirror(name) ? ResultKind::mirror : ResultKind::account;
    result.account = std::move(name);
    result.domain = path.domain;
    result.unified = path.unified && result.kind == ResultKind::account;
    if (result.kind == ResultKind::mirror) {
        Path mirror = path;
        mirror.local = result.account;
        step(by_mirror, mirror);
    }
    end(std::move(result));
}

void Walk::end_foreign(const Path& path) {
    const std::string_view domain = path.domain;
    const bool suffix = domain.size() > smtp_suffix.size() &&
                        domain.substr(domain.size() - smtp_suffix.size()) == smtp_suffix;
    if (suffix) {
        // "a%b@c.smtp": c is only the host to connect to.
        Path next = path;
        const auto host = std::string(domain.substr(0, domain.size() - smtp_suffix.size()));
        if (!set_address(next, path.local, host)) return refuse(std::string(no_host_text));
        step(by_parser, next);
        unfold_local(next);
        return end_at_host(next, host, 0);
    }
    if (literal_of(domain)) {
        Path next = path;
        unfold_local(next);
        return end_at_host(next, path.domain, 0);
    }
    if (domain.find('.') == std::string_view::npos) return refuse(std::string(no_host_text));
    end_at_host(path, path.domain, 0);
}

void Walk::end_at_host(const Path& path, std::string host, std::uint16_t port) {
    if (!mail::ascii_domain(host) && !routing_domain(written(host))) return refuse(std::string(no_host_text));
    // Another server may listen on another port of ours; ourselves we need not call.
    if (port == 0 && is_own_host(host, names_)) return refuse(std::string(loop_text));
    const auto& stays = path.shown_domain.empty() ? path.came_by : path.shown_domain;
    const auto domain = stays.empty() ? written(host) : stays;
    auto recipient = mail::Address::make(path.local, domain);
    if (!recipient) return refuse(std::string(bad_address_text));
    // A stranger must not hide another address in a local part the table has not written.
    const bool relayed = path.granted && (path.local_named || !has_route(path.local));
    relay_ = relay_ && relayed;
    RouteResult result;
    result.kind = ResultKind::smtp;
    result.host = std::move(host);
    result.port = port;
    result.recipient = std::move(*recipient);
    end(std::move(result));
}

void Walk::refuse(std::string text) {
    RouteResult result;
    result.text = std::move(text);
    end(std::move(result));
}

void Walk::end_as(ResultKind kind) {
    RouteResult result;
    result.kind = kind;
    end(std::move(result));
}

void Walk::end(RouteResult result) { route_.results.push_back(std::move(result)); }

// Several ways may have led to one end; and one name that goes nowhere must not stop the others.
void Walk::finish() {
    auto& results = route_.results;
    const auto refused = [](const RouteResult& r) { return r.kind == ResultKind::refuse; };
    const bool overrun = work_ > work_max || results.size() > RouterLimits::results_max;
    if (overrun) {
        results.assign(1, {});
        results.front().text = loop_text;
    }
    if (!std::all_of(results.begin(), results.end(), refused)) {
        results.erase(std::remove_if(results.begin(), results.end(), refused), results.end());
    }
    if (results.size() > 1) drop_doubles(results);
    route_.relay = relay_ && std::none_of(results.begin(), results.end(), refused);
}

}  // namespace sims::route
