#include "office/expansion.h"

#include <set>
#include <unordered_set>

#include <fmt/format.h>

#include "base/text.h"
#include "office/target.h"

namespace sims::office {

namespace {

std::string mirror_file(const route::RouteResult& mirror) {
    return mailbox_of({mirror.account, mirror.domain}).relative;
}

std::string mirror_name(const route::RouteResult& mirror) {
    return directory::AccountName{mirror.account, mirror.domain}.text();
}

// One expansion under way.
class Unfolding {
public:
    Unfolding(const Policy& policy, os::FileSystem& files, const std::string& base)
        : policy_(policy), files_(files), base_(base) {}

    Result<> add(const mail::Address& address, const std::string& original) {
        const auto route = policy_.route(address);
        for (const auto& result : route.results) {
            if (auto added = add(result, address, original); !added) return added;
        }
        return {};
    }
    Expansion take() { return std::move(expansion_); }

private:
    Result<> add(const route::RouteResult& result, const mail::Address& address,
                 const std::string& original) {
        switch (result.kind) {
            case route::ResultKind::account: {
                const MailboxTarget target{{result.account, result.domain}, result.unified};
                return add(target, address, original);
            }
            case route::ResultKind::smtp:
                return add(RemoteTarget{result.host, result.port}, result.recipient.value_or(address),
                           original);
            case route::ResultKind::mirror: return add_members(result, original);
            case route::ResultKind::discard:
            case route::ResultKind::spamtrap: ++expansion_.discarded; return {};
            case route::ResultKind::refuse:
                // Judged at RCPT, and gone since then.
                if (mirror_depth_ == 0) expansion_.refused.push_back(result.text);
                // A mirror's member that goes nowhere must not spoil the list.
                expansion_.log.push_back(fmt::format("{} goes nowhere: {}", address.text(), result.text));
                return {};
        }
        return {};
    }

    Result<> add(const Target& target, const mail::Address& address, const std::string& original) {
        auto text = target_text(target);
        if (!seen_.insert(text + '\n' + (std::holds_alternative<RemoteTarget>(target) ? address.text() : ""))
                 .second) {
            return {};
        }
        if (expansion_.recipients.size() >= ExpansionLimits::members_max) {
            return fail(Fault::limit, fmt::format("more than {} recipients", ExpansionLimits::members_max));
        }
        queue::QueuedRecipient recipient{.address = address};
        if (original != address.text()) recipient.original = original;
        recipient.route = std::move(text);
        expansion_.recipients.push_back(std::move(recipient));
        return {};
    }

    Result<> add_members(const route::RouteResult& mirror, const std::string& original) {
        if (!mirrors_.insert(lower(mirror_name(mirror))).second) return {};
        const auto path = base_ + "/" + mirror_file(mirror);
        auto text = os::read_file(files_, path, ExpansionLimits::list_bytes_max);
        if (!text) {
            return fail(Fault::unavailable,
                        fmt::format("the list of {}: {}", mirror_name(mirror), text.error().text));
        }
        const auto list = parse_mirror_list(*text);
        for (const auto& bad : list.bad) {
            expansion_.log.push_back(
                fmt::format("{} line {} was skipped: {}", mirror_file(mirror), bad.number, bad.reason));
        }
        ++mirror_depth_;
        Result<> all;
        for (const auto& member : list.members) {
            all = add(member, original);
            if (!all) break;
        }
        --mirror_depth_;
        return all;
    }

    const Policy& policy_;
    os::FileSystem& files_;
    const std::string& base_;
    Expansion expansion_;
    std::unordered_set<std::string> seen_;
    std::set<std::string> mirrors_;
    std::size_t mirror_depth_ = 0;
};

}  // namespace

MirrorList parse_mirror_list(std::string_view text) {
    constexpr std::size_t bad_lines_told_max = 100;
    MirrorList list;
    std::size_t number = 0;
    while (!text.empty()) {
        ++number;
        const auto end = text.find_first_of("\r\n");
        auto line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        // "\r\n" is one line end.
        if (end != std::string_view::npos && !text.empty() && text.front() == '\n' &&
            *(text.data() - 1) == '\r') {
            text.remove_prefix(1);
        }
        line = line.substr(0, line.find('#'));
        for (auto piece : split(line, ',')) {
            piece = trim(piece);
            if (piece.empty()) continue;
            // "Joe Doe <joe@example.org>" is how people paste addresses.
            const auto open = piece.rfind('<');
            if (open != std::string_view::npos && piece.back() == '>') {
                piece = piece.substr(open + 1, piece.size() - open - 2);
            }
            auto address = mail::Address::parse(piece);
            if (address) {
                list.members.push_back(std::move(*address));
            } else if (list.bad.size() < bad_lines_told_max) {
                list.bad.push_back({number, printable(piece) + ": " + address.error().text});
            }
        }
    }
    return list;
}

std::vector<std::string> Expander::mirrors(const mail::Envelope& envelope) const {
    std::vector<std::string> names;
    for (const auto& recipient : envelope.recipients) {
        for (const auto& result : policy_.route(recipient.address).results) {
            if (result.kind == route::ResultKind::mirror) names.push_back(mirror_name(result));
        }
    }
    return names;
}

Result<Expansion> Expander::expand(const mail::Envelope& envelope) const {
    Unfolding unfolding(policy_, files_, base_);
    for (const auto& recipient : envelope.recipients) {
        if (auto added = unfolding.add(recipient.address, recipient.address.text()); !added)
            return added.error();
    }
    return unfolding.take();
}

}  // namespace sims::office
