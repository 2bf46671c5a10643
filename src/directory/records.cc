#include "directory/records.h"

#include <algorithm>

#include "base/check.h"
#include "mail/address.h"

namespace sims::directory {

void apply(const AccountChange& change, Record& record) {
    if (change.full_name) record.full_name = *change.full_name;
    if (change.enabled) record.enabled = *change.enabled;
    if (change.login_enabled) record.login_enabled = *change.login_enabled;
    if (change.apop_required) record.apop_required = *change.apop_required;
    if (change.administrator) record.administrator = *change.administrator;
    if (change.size_limit_kbytes) record.size_limit_kbytes = *change.size_limit_kbytes;
    if (change.notify_mode) record.notify_mode = *change.notify_mode;
    if (change.notify_address) record.notify_address = *change.notify_address;
}

Record* Accounts::find(DomainId domain, std::string_view name) const {
    const auto found = records_.find(Key{domain, name});
    return found == records_.end() ? nullptr : found->get();
}

Record& Accounts::add(std::unique_ptr<Record> record) {
    const auto [place, added] = records_.insert(std::move(record));
    check(added, "two accounts of one name");
    return **place;
}

void Accounts::remove(const Record& record) {
    const auto found = records_.find(Key{record.domain, record.name});
    check(found != records_.end(), "remove an account that is not there");
    records_.erase(found);
}

void Accounts::rename(const Record& record, DomainId domain, std::string name) {
    const auto found = records_.find(Key{record.domain, record.name});
    check(found != records_.end(), "rename an account that is not there");
    auto node = records_.extract(found);
    node.value()->domain = domain;
    node.value()->name = std::move(name);
    check(records_.insert(std::move(node)).inserted, "two accounts of one name");
}

bool Accounts::any_in(DomainId domain) const {
    return std::any_of(records_.begin(), records_.end(),
                       [&](const auto& record) { return record->domain == domain; });
}

Domains::Domains(std::string main_domain) : main_(std::move(main_domain)) {
    by_name_.emplace(main_, main_domain_id);
}

std::optional<DomainId> Domains::find(std::string_view domain) const {
    if (domain.empty()) return main_domain_id;
    if (domain.size() > 1 && domain.back() == '.') domain.remove_suffix(1);
    if (const auto found = by_name_.find(domain); found != by_name_.end()) return found->second;
    // Only U-labels can hide a domain from a look-up that ignores case.
    if (std::all_of(domain.begin(), domain.end(),
                    [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
        return std::nullopt;
    }
    const auto ascii = mail::ascii_domain(domain);
    if (!ascii) return std::nullopt;
    const auto found = by_name_.find(*ascii);
    return found == by_name_.end() ? std::nullopt : std::optional(found->second);
}

std::string_view Domains::name(DomainId id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? std::string_view() : std::string_view(found->second);
}

std::vector<std::string> Domains::list() const {
    std::vector<std::string> names;
    for (const auto& [name, id] : by_name_) {
        if (id != main_domain_id) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    names.insert(names.begin(), main_);
    return names;
}

void Domains::add(DomainId id, std::string name) {
    by_name_.emplace(name, id);
    by_id_.emplace(id, std::move(name));
}

void Domains::remove(DomainId id) {
    const auto found = by_id_.find(id);
    check(found != by_id_.end(), "remove a domain that is not there");
    by_name_.erase(found->second);
    by_id_.erase(found);
}

}  // namespace sims::directory
