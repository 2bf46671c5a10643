// The operations on accounts and their mailboxes.
#include <fmt/format.h>

#include "admin/operations.h"
#include "base/text.h"
#include "mail/address.h"

namespace sims::admin {

namespace {

std::string truth(bool value) { return value ? "true" : "false"; }

// "SizeLimit 0 -> 5000, FullName "" -> "Joe""; empty when nothing changed.
std::string difference(const directory::Account& before, const directory::Account& after) {
    const auto old = attributes_of(before);
    const auto now = attributes_of(after);
    std::string out;
    for (std::size_t i = 0; i < old.size(); ++i) {
        if (old[i].second == now[i].second) continue;
        if (!out.empty()) out += ", ";
        out += fmt::format("{} \"{}\" -> \"{}\"", old[i].first, printable(old[i].second),
                           printable(now[i].second));
    }
    return out;
}

// RFC 5321 4.5.1: mail for Postmaster is always taken, so somebody must be there to read it.
Outcome<> keep_postmaster(const directory::AccountName& name) {
    if (!name.domain.empty() || !equal_ignoring_case(name.name, "Postmaster")) return {};
    return Problem(Fault::refused, "Postmaster stays: every mail server has one (RFC 5321 4.5.1)",
                   "UserName");
}

}  // namespace

std::string_view name_of(directory::NotifyMode mode) {
    switch (mode) {
        case directory::NotifyMode::none: return "None";
        case directory::NotifyMode::fixed: return "Notify";
        case directory::NotifyMode::last_address: return "Notify IP";
    }
    return "";
}

std::vector<std::pair<std::string, std::string>> attributes_of(const directory::Account& account) {
    return {{"FullName", account.full_name},
            {"AccountEnabled", truth(account.enabled)},
            {"LoginEnabled", truth(account.login_enabled)},
            {"SizeLimit", fmt::format("{}", account.size_limit_kbytes)},
            {"APOPrequired", truth(account.apop_required)},
            {"NotifyMode", std::string(name_of(account.notify_mode))},
            {"NotifyAddress", account.notify_address},
            {"Administrator", truth(account.administrator)}};
}

Outcome<directory::AccountName> Operations::name_from(std::string_view text) const {
    const auto at = text.rfind('@');
    directory::AccountName name;
    name.name = std::string(text.substr(0, at));
    if (at != std::string_view::npos) {
        const auto domain = mail::ascii_domain(text.substr(at + 1));
        if (!domain || !parts_.directory.is_own_domain(*domain)) {
            return Problem(Fault::not_found,
                           fmt::format("{} is not a domain of this server", printable(text.substr(at + 1))),
                           "UserName");
        }
        const auto main = mail::ascii_domain(parts_.directory.main_domain());
        if (!main || *domain != *main) name.domain = *domain;
    }
    if (auto good = directory::check_account_name(name.name); !good) {
        return Problem(good.error().fault, good.error().text, "UserName");
    }
    return name;
}

Outcome<directory::Account> Operations::find(std::string_view text) const {
    const auto name = name_from(text);
    if (!name) return name.error();
    if (auto account = parts_.directory.find(*name)) return std::move(*account);
    return Problem(Fault::not_found, fmt::format("there is no account {}", printable(text)), "UserName");
}

AccountView Operations::view(directory::Account account) const {
    AccountView out{std::move(account), {}};
    // A mirror's file is a list of addresses, not a mailbox.
    if (directory::is_mirror_name(out.account.name.name)) return out;
    if (auto status = parts_.office.mailbox_status(out.account)) out.mailbox = *status;
    return out;
}

std::vector<AccountView> Operations::accounts() {
    std::vector<AccountView> out;
    for (auto& account : parts_.directory.list()) out.push_back(view(std::move(account)));
    return out;
}

Outcome<AccountView> Operations::account(std::string_view name) {
    auto found = find(name);
    if (!found) return found.error();
    return view(std::move(*found));
}

Outcome<AccountView> Operations::add_account(const Caller& caller, std::string_view text,
                                             const directory::AccountChange& change,
                                             const std::optional<std::string>& password) {
    const auto name = name_from(text);
    if (!name) return name.error();
    if (password) {
        if (auto good = directory::check_password(*password); !good) {
            return Problem(good.error().fault, good.error().text, "Password");
        }
    }
    if (auto added = parts_.office.add_account(*name, change); !added) {
        return Problem(added.error().fault, added.error().text, "UserName");
    }
    if (password) {
        if (auto set = parts_.directory.set_password(*name, *password); !set) {
            // Added with its password or not at all.
            if (auto undone = parts_.office.remove_account(*name); !undone) return Problem(undone.error());
            return Problem(set.error());
        }
    }
    auto account = parts_.directory.find(*name);
    if (!account)
        return Problem(Fault::not_found, fmt::format("account {} was removed meanwhile", name->text()));
    const auto attributes = difference(directory::Account{}, *account);
    note(caller, fmt::format("account {} added{}{}", name->text(),
                             password ? " with a password" : " without a password",
                             attributes.empty() ? std::string() : ", " + attributes));
    return view(std::move(*account));
}

Outcome<AccountView> Operations::change_account(const Caller& caller, std::string_view text,
                                                const directory::AccountChange& change) {
    const auto before = find(text);
    if (!before) return before.error();
    if (auto done = parts_.directory.change(before->name, change); !done) return Problem(done.error());
    auto after = parts_.directory.find(before->name);
    if (!after)
        return Problem(Fault::not_found,
                       fmt::format("account {} was removed meanwhile", before->name.text()));
    const auto changed = difference(*before, *after);
    if (!changed.empty()) note(caller, fmt::format("account {}: {}", after->name.text(), changed));
    return view(std::move(*after));
}

Outcome<> Operations::set_password(const Caller& caller, std::string_view text, const std::string& password) {
    const auto account = find(text);
    if (!account) return account.error();
    if (auto done = parts_.directory.set_password(account->name, password); !done) {
        return Problem(done.error().fault, done.error().text, "password");
    }
    note(caller, fmt::format("account {}: password changed", account->name.text()));
    return {};
}

Outcome<AccountView> Operations::rename_account(const Caller& caller, std::string_view from,
                                                std::string_view to) {
    const auto before = find(from);
    if (!before) return before.error();
    if (auto kept = keep_postmaster(before->name); !kept) return kept.error();
    const auto name = name_from(to);
    if (!name) return Problem(name.error().fault, name.error().text, "to");
    if (auto done = parts_.office.rename_account(before->name, *name); !done) return Problem(done.error());
    note(caller, fmt::format("account {} renamed to {}", before->name.text(), name->text()));
    return account(name->text());
}

Outcome<> Operations::remove_account(const Caller& caller, std::string_view text) {
    const auto account = find(text);
    if (!account) return account.error();
    if (auto kept = keep_postmaster(account->name); !kept) return kept.error();
    if (auto done = parts_.office.remove_account(account->name); !done) return Problem(done.error());
    note(caller, fmt::format("account {} removed with its mailbox", account->name.text()));
    return {};
}

Outcome<store::CheckReport> Operations::check_mailbox(std::string_view name) {
    const auto account = find(name);
    if (!account) return account.error();
    auto report = parts_.store.verify({account->mailbox()});
    if (!report) return Problem(report.error());
    return std::move(*report);
}

Outcome<store::CheckReport> Operations::rebuild_mailbox(const Caller& caller, std::string_view name) {
    const auto account = find(name);
    if (!account) return account.error();
    if (auto done = parts_.store.rebuild_index({account->mailbox()}); !done) return Problem(done.error());
    note(caller, fmt::format("index of mailbox {} rebuilt", account->name.text()));
    return check_mailbox(name);
}

}  // namespace sims::admin
