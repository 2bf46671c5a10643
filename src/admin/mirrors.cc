// The operations on distribution mirrors: plain lists beside the mailboxes.
#include <fmt/format.h>

#include "admin/operations.h"
#include "base/text.h"
#include "office/expansion.h"

namespace sims::admin {

namespace {
constexpr std::size_t faulty_lines_told_max = 20;
}  // namespace

MirrorView Operations::mirror_view(const directory::Account& account, std::string text) const {
    const auto members = office::parse_mirror_list(text).members.size();
    return {account.name.text(), members, std::move(text)};
}

Outcome<std::string> Operations::read_list(const directory::Account& account) const {
    auto text = os::read_file(parts_.files, base_ + "/" + account.mailbox(), AdminLimits::mirror_bytes_max);
    if (text) return std::move(*text);
    // An account whose file nobody has written yet is an empty mirror.
    if (text.error().fault == Fault::not_found) return std::string();
    return Problem(text.error());
}

Outcome<directory::Account> Operations::find_mirror(std::string_view name) const {
    auto account = find(name);
    const bool named = directory::is_mirror_name(name);
    if (account && named) return account;
    if (!named) {
        return Problem(
            Fault::invalid,
            fmt::format("{} is not a mirror's name: it begins with L-, as in L-team", printable(name)),
            "name");
    }
    if (account.error().fault != Fault::not_found) return account.error();
    return Problem(Fault::not_found, fmt::format("there is no mirror {}", printable(name)), "name");
}

std::vector<MirrorView> Operations::mirrors() {
    std::vector<MirrorView> out;
    for (const auto& account : parts_.directory.list()) {
        if (!directory::is_mirror_name(account.name.name)) continue;
        auto text = read_list(account);
        out.push_back(mirror_view(account, text ? std::move(*text) : std::string()));
        out.back().text.clear();
    }
    return out;
}

Outcome<MirrorView> Operations::mirror(std::string_view name) {
    const auto account = find_mirror(name);
    if (!account) return account.error();
    auto text = read_list(*account);
    if (!text) return text.error();
    return mirror_view(*account, std::move(*text));
}

Outcome<MirrorView> Operations::set_mirror(const Caller& caller, std::string_view name,
                                           std::string_view text) {
    auto account = find_mirror(name);
    if (!account && account.error().fault != Fault::not_found) return account.error();
    const auto list = office::parse_mirror_list(text);
    if (!list.bad.empty()) {
        std::string lines;
        for (std::size_t i = 0; i < list.bad.size() && i < faulty_lines_told_max; ++i) {
            if (!lines.empty()) lines += "; ";
            lines += fmt::format("line {}: {}", list.bad[i].number, list.bad[i].reason);
        }
        return Problem(Fault::invalid, std::move(lines), "text");
    }
    if (!account) {
        auto added = add_account(caller, name, {}, std::nullopt);
        if (!added) return added.error();
        account = added->account;
    }
    auto path = base_ + "/" + account->mailbox();
    // A link stays a link: what is replaced is the file behind it.
    if (auto real = parts_.files.real_path(path)) path = std::move(*real);
    const auto before = read_list(*account);
    const auto old_members = before ? office::parse_mirror_list(*before).members.size() : 0;
    if (auto done = os::replace_file(parts_.files, path, text); !done) return Problem(done.error());
    note(caller, fmt::format("mirror {} set, {} members -> {} members", account->name.text(), old_members,
                             list.members.size()));
    return mirror_view(*account, std::string(text));
}

Outcome<> Operations::remove_mirror(const Caller& caller, std::string_view name) {
    const auto account = find_mirror(name);
    if (!account) return account.error();
    return remove_account(caller, name);
}

}  // namespace sims::admin
