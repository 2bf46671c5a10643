#include "office/quota.h"

namespace sims::office {

std::optional<std::uint64_t> mailbox_bytes_max(const directory::Account& account) {
    if (account.size_limit_kbytes <= 0) return std::nullopt;
    return static_cast<std::uint64_t>(account.size_limit_kbytes) * 1024;
}

bool Room::take(std::uint64_t bytes) {
    if (bytes_max_ && used_ > 0 && (used_ > *bytes_max_ || bytes > *bytes_max_ - used_)) return false;
    used_ += bytes;
    return true;
}

bool Quota::is_full(const directory::Account& account) {
    const auto bytes_max = mailbox_bytes_max(account);
    if (!bytes_max) return false;
    store::MailboxPath mailbox{account.mailbox()};
    const auto bytes = store_.last_known_size(mailbox);
    const bool full = bytes && *bytes >= *bytes_max;
    if (full || !bytes) look_soon(std::move(mailbox));
    return full;
}

Room Quota::room_in(const directory::Account& account) {
    const auto bytes_max = mailbox_bytes_max(account);
    if (!bytes_max) return Room::without_end();
    const auto used = store_.file_size({account.mailbox()});
    return used ? Room(*used, bytes_max) : Room::without_end();
}

void Quota::look_soon(store::MailboxPath mailbox) {
    if (!later_) return;
    {
        const std::lock_guard lock(mutex_);
        if (!being_looked_at_.insert(mailbox).second) return;
    }
    later_([this, mailbox = std::move(mailbox)] {
        (void)store_.file_size(mailbox);  // the store remembers it
        const std::lock_guard lock(mutex_);
        being_looked_at_.erase(mailbox);
    });
}

}  // namespace sims::office
