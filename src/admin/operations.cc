#include "admin/operations.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "guard/address_ranges.h"
#include "mail/address.h"
#include "queue/schedule.h"

namespace sims::admin {

namespace {

// What the directory leaves to those who know the trade: lists of network addresses, time-tables.
Outcome<> judge_setting(const directory::SettingSpec& spec, const std::string& value) {
    if (spec.key == "client_hosts" || spec.key == "black_list") {
        std::vector<std::string> items;
        for (const auto item : split(value, ',')) {
            if (!trim(item).empty()) items.emplace_back(trim(item));
        }
        auto ranges = guard::AddressRanges::parse(items);
        if (!ranges)
            return Problem(Fault::invalid, fmt::format("{}: {}", spec.key, ranges.error().text),
                           std::string(spec.key));
    }
    if (spec.key == "retry_schedule") {
        auto steps = queue::parse_retry_schedule(value);
        if (!steps)
            return Problem(Fault::invalid, fmt::format("{}: {}", spec.key, steps.error().text),
                           std::string(spec.key));
    }
    return {};
}

bool is_service(std::string_view name) {
    const auto services = directory::setting_services();
    return std::find(services.begin(), services.end(), name) != services.end();
}

Problem no_such_service(std::string_view name) {
    return {Fault::not_found, fmt::format("there is no service \"{}\": they are {}", printable(name, 64),
                                          fmt::join(directory::setting_services(), ", "))};
}

}  // namespace

std::string_view name_of(directory::SettingType type) {
    switch (type) {
        case directory::SettingType::text: return "text";
        case directory::SettingType::boolean: return "boolean";
        case directory::SettingType::count: return "count";
        case directory::SettingType::bytes: return "bytes";
        case directory::SettingType::duration: return "duration";
        case directory::SettingType::list: return "list";
        case directory::SettingType::log_level: return "log_level";
    }
    return "";
}

void Operations::note(const Caller& caller, std::string_view what) const {
    parts_.log.line(LogLevel::major, Service::admin, "", "admin.changed", "{} from {}: {}",
                    printable(caller.name), caller.from, what);
}

std::vector<DomainView> Operations::domains() {
    std::vector<DomainView> out;
    for (auto& name : parts_.directory.domains()) out.push_back({std::move(name), out.empty(), 0});
    for (const auto& account : parts_.directory.list()) {
        for (auto& domain : out) {
            const bool here = account.name.domain.empty()
                                  ? domain.main
                                  : equal_ignoring_case(domain.name, account.name.domain);
            if (here) ++domain.accounts;
        }
    }
    return out;
}

Outcome<DomainView> Operations::domain(std::string_view name) {
    const auto ascii = mail::ascii_domain(name);
    for (auto& domain : domains()) {
        if (ascii && equal_ignoring_case(domain.name, *ascii)) return domain;
    }
    return Problem(Fault::not_found, fmt::format("{} is not a domain of this server", printable(name)),
                   "domain");
}

Outcome<DomainView> Operations::add_domain(const Caller& caller, std::string_view name) {
    if (auto done = parts_.directory.add_domain(name); !done) return Problem(done.error());
    note(caller, fmt::format("domain {} added", printable(name)));
    return domain(name);
}

Outcome<> Operations::remove_domain(const Caller& caller, std::string_view name) {
    if (auto done = parts_.directory.remove_domain(name); !done) return Problem(done.error());
    note(caller, fmt::format("domain {} removed", printable(name)));
    return {};
}

Outcome<> Operations::set_router_table(const Caller& caller, std::string_view text) {
    const auto old = parts_.directory.router_table();
    if (auto done = parts_.office.set_router_table(text); !done) return Problem(done.error());
    const auto lines = [](std::string_view table) { return std::count(table.begin(), table.end(), '\n'); };
    note(caller, fmt::format("Router table set, {} lines -> {} lines", lines(old), lines(text)));
    return {};
}

Outcome<RouterTest> Operations::test_router(std::string_view address, std::string_view from_ip) const {
    auto parsed = mail::Address::parse(address);
    if (!parsed) return Problem(parsed.error().fault, parsed.error().text, "address");
    RouterTest out{parsed->text(), parts_.office.route(*parsed), false};
    out.relay = out.route.relay;
    if (from_ip.empty()) return out;
    if (!guard::IpAddress::parse(from_ip)) {
        return Problem(Fault::invalid, fmt::format("\"{}\" is not a network address", printable(from_ip, 64)),
                       "from_ip");
    }
    mail::Peer peer;
    peer.address = std::string(from_ip);
    const auto refusal = parts_.office.judge_recipient(peer, {}, *parsed);
    // Only 5.7.1 is about who asks; an unknown account is unknown to everybody.
    if (!refusal) out.relay = true;
    if (refusal && refusal->text.starts_with("5.7.1")) out.relay = false;
    return out;
}

Outcome<std::vector<SettingView>> Operations::settings(std::string_view service) const {
    if (!service.empty() && !is_service(service)) return no_such_service(service);
    std::vector<SettingView> out;
    const auto values = parts_.directory.settings();
    for (const auto& spec : directory::setting_specs()) {
        if (service.empty() || spec.service == service)
            out.push_back({&spec, values->text(spec.service, spec.key)});
    }
    return out;
}

Outcome<> Operations::set_settings(const Caller& caller, std::string_view service,
                                   const std::vector<std::pair<std::string, std::string>>& changes) {
    if (!is_service(service)) return no_such_service(service);
    for (const auto& [key, value] : changes) {
        const auto* spec = directory::find_setting(service, key);
        if (spec == nullptr) {
            return Problem(Fault::invalid,
                           fmt::format("{} has no setting \"{}\"", service, printable(key, 64)), key);
        }
        auto normal = directory::normalize_setting(*spec, value);
        if (!normal) return Problem(normal.error().fault, normal.error().text, key);
        if (auto judged = judge_setting(*spec, *normal); !judged) return judged.error();
    }
    const auto before = parts_.directory.settings();
    if (auto done = parts_.directory.set_settings(service, changes); !done) return Problem(done.error());
    const auto after = parts_.directory.settings();
    for (const auto& [key, value] : changes) {
        const auto& old = before->text(service, key);
        const auto& now = after->text(service, key);
        if (old == now) continue;
        note(caller, fmt::format("{} {}: \"{}\" -> \"{}\"", service, key, printable(old), printable(now)));
    }
    return {};
}

Outcome<queue::QueuedMessage> Operations::queued(std::string_view id) const {
    const auto parsed = queue::QueueId::parse(id);
    if (parsed) {
        for (auto& message : parts_.office.queue()) {
            if (message.id == *parsed) return std::move(message);
        }
    }
    return Problem(Fault::not_found, fmt::format("there is no message {} in the queue", printable(id, 64)),
                   "id");
}

Outcome<> Operations::change_queue(const Caller& caller, QueueAction action, std::string_view id) {
    const auto message = queued(id);
    if (!message) return message.error();
    Result<> done;
    std::string_view word;
    switch (action) {
        case QueueAction::retry:
            done = parts_.office.retry(message->id);
            word = "retried";
            break;
        case QueueAction::hold:
            done = parts_.office.hold(message->id);
            word = "held";
            break;
        case QueueAction::release:
            done = parts_.office.release(message->id);
            word = "released";
            break;
        case QueueAction::remove:
            done = parts_.office.remove(message->id);
            word = "removed";
            break;
    }
    if (!done) return Problem(done.error());
    parts_.log.line(LogLevel::major, Service::admin, message->id.text(), "admin.changed",
                    "{} from {}: message {} from <{}> {}", printable(caller.name), caller.from,
                    message->id.text(), message->sender.text(), word);
    return {};
}

Outcome<> Operations::retry_all(const Caller& caller) {
    if (auto done = parts_.office.retry(std::nullopt); !done) return Problem(done.error());
    note(caller, "the whole queue retried");
    return {};
}

Outcome<LogPage> Operations::log(const LogQuestion& question) const {
    return read_log(parts_.files, base_ + "/Logs", parts_.clock(), question);
}

}  // namespace sims::admin
