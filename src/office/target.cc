#include "office/target.h"

#include <charconv>

#include "base/text.h"

namespace sims::office {

namespace {

directory::AccountName account_named(std::string_view text) {
    const auto at = text.rfind('@');
    if (at == std::string_view::npos) return {std::string(text), {}};
    return {std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
}

}  // namespace

std::string target_text(const Target& target) {
    if (const auto* mailbox = std::get_if<MailboxTarget>(&target)) {
        return "account " + mailbox->account.text() + (mailbox->real_to ? " real-to" : "");
    }
    const auto& remote = std::get<RemoteTarget>(target);
    return "smtp " + remote.host + (remote.port != 0 ? " " + std::to_string(remote.port) : "");
}

std::optional<Target> parse_target(std::string_view text) {
    const auto words = split(text, ' ');
    if (words.size() < 2 || words.size() > 3 || words[1].empty()) return std::nullopt;
    if (words[0] == "account") {
        if (words.size() == 3 && words[2] != "real-to") return std::nullopt;
        return MailboxTarget{account_named(words[1]), words.size() == 3};
    }
    if (words[0] != "smtp") return std::nullopt;
    RemoteTarget remote{std::string(words[1]), 0};
    if (words.size() == 3) {
        const auto* end = words[2].data() + words[2].size();
        const auto [stop, error] = std::from_chars(words[2].data(), end, remote.port);
        if (error != std::errc() || stop != end || remote.port == 0) return std::nullopt;
    }
    return remote;
}

std::optional<RemoteTarget> parse_host(std::string_view text) {
    text = trim(text);
    if (text.empty()) return std::nullopt;
    const auto colon = text.rfind(':');
    // The colons inside brackets are an address's own.
    if (colon == std::string_view::npos || text.find(']', colon) != std::string_view::npos) {
        return RemoteTarget{std::string(text), 0};
    }
    RemoteTarget remote{std::string(text.substr(0, colon)), 0};
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, remote.port);
    if (remote.host.empty() || error != std::errc() || stop != end || remote.port == 0) return std::nullopt;
    return remote;
}

std::string destination_of(const RemoteTarget& target) {
    auto text = lower(target.host);
    if (target.port != 0) text += ":" + std::to_string(target.port);
    return text;
}

store::MailboxPath mailbox_of(const directory::AccountName& name) {
    directory::Account account;
    account.name = name;
    return {account.mailbox()};
}

}  // namespace sims::office
