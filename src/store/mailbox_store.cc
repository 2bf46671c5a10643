#include "store/mailbox_store.h"

#include <algorithm>
#include <list>
#include <mutex>
#include <unordered_map>

#include "store/mailbox.h"
#include "store/maildrop.h"

namespace sims::store {
namespace {

constexpr std::string_view lock_suffix = ".lock";

class EmbeddedMailboxStore final : public MailboxStore {
public:
    EmbeddedMailboxStore(os::FileSystem& files, std::string base, Limits limits, Log& log,
                         std::unique_ptr<DotLocks> dots)
        : around_{files, std::move(base), limits, log, std::move(dots), {}} {}
    ~EmbeddedMailboxStore() override {
        for (auto& [name, place] : mailboxes_) place.mailbox->try_close();
    }
    EmbeddedMailboxStore(const EmbeddedMailboxStore&) = delete;
    EmbeddedMailboxStore& operator=(const EmbeddedMailboxStore&) = delete;

    void sweep();

    Result<> create(const MailboxPath& mailbox) override { return use(mailbox)->create(); }

    Result<> rename(const MailboxPath& from, const MailboxPath& to) override {
        const Use source = use(from);
        const Use target = use(to);
        if (source.mailbox == target.mailbox) return fail(Fault::exists, to.relative + ": is there already");
        return source->rename(*target.mailbox);
    }

    Result<> remove(const MailboxPath& mailbox) override { return use(mailbox)->remove(); }
    Result<MailboxStatus> status(const MailboxPath& mailbox) override { return use(mailbox)->status(); }
    Result<std::uint64_t> file_size(const MailboxPath& mailbox) override { return use(mailbox)->file_size(); }
    std::optional<std::uint64_t> last_known_size(const MailboxPath& mailbox) const override {
        return around_.sizes.find(mailbox.relative);
    }

    Result<std::vector<Appended>> append(const MailboxPath& mailbox,
                                         std::span<const std::string_view> rendered) override {
        return use(mailbox)->append(rendered);
    }

    Result<std::optional<CleanLength>> clean_length(const MailboxPath& mailbox) override {
        return use(mailbox)->clean_length();
    }

    Result<CleanLength> sync(const MailboxPath& mailbox) override { return use(mailbox)->sync(); }

    std::vector<MailboxPath> dirty() const override {
        std::vector<std::shared_ptr<Mailbox>> all;
        {
            const std::lock_guard guard(mutex_);
            all.reserve(mailboxes_.size());
            for (const auto& [name, place] : mailboxes_) all.push_back(place.mailbox);
        }
        std::vector<MailboxPath> names;
        for (const auto& mailbox : all) {
            if (mailbox->is_dirty()) names.push_back(mailbox->name());
        }
        return names;
    }

    Result<std::unique_ptr<Maildrop>> open_maildrop(const MailboxPath& mailbox) override {
        const Use used = use(mailbox);
        auto view = used->hold();
        if (!view) return view.error();
        return std::unique_ptr<Maildrop>(std::make_unique<EmbeddedMaildrop>(used.mailbox, std::move(*view)));
    }

    Result<> remove_messages(std::unique_ptr<Maildrop> drop, std::span<const std::size_t> numbers) override {
        auto* held = dynamic_cast<EmbeddedMaildrop*>(drop.get());
        check(held != nullptr, "a maildrop of another store");
        std::vector<Uid> uids;
        uids.reserve(numbers.size());
        for (const auto number : numbers) {
            check(number < held->messages().size(), "removal of a message that is not in the maildrop");
            uids.push_back(held->messages()[number].uid);
        }
        if (uids.empty()) return {};
        return held->mailbox().remove_messages(uids);
    }

    Result<std::size_t> recover(const MailboxPath& mailbox, CleanLength clean,
                                std::span<const std::string_view> rendered) override {
        return use(mailbox)->recover(clean, rendered);
    }

    Result<CheckReport> verify(const MailboxPath& mailbox) override { return use(mailbox)->verify(); }
    Result<> rebuild_index(const MailboxPath& mailbox) override { return use(mailbox)->rebuild_index(); }

private:
    // A mailbox at work; afterwards the store looks whether too much is kept.
    struct Use {
        std::shared_ptr<Mailbox> mailbox;  // shared with the table and a maildrop
        EmbeddedMailboxStore* store;
        Use(std::shared_ptr<Mailbox> used, EmbeddedMailboxStore* of) : mailbox(std::move(used)), store(of) {}
        Use(const Use&) = delete;
        Use& operator=(const Use&) = delete;
        ~Use() { store->keep_bounds(*mailbox); }
        Mailbox* operator->() const { return mailbox.get(); }
    };
    struct Place {
        std::shared_ptr<Mailbox> mailbox;
        std::list<std::string>::iterator recent;
        std::size_t counted_messages = 0;
        bool counted_open = false;
    };

    Use use(const MailboxPath& name);
    void keep_bounds(Mailbox& used);
    void count(Place& place);
    bool too_much() const {
        return open_files_ > around_.limits.open_mailboxes_max ||
               cached_messages_ > around_.limits.cached_messages_max;
    }
    void sweep_folder(const std::string& folder);

    Surroundings around_;
    mutable std::mutex mutex_;  // of what follows; never held while a mailbox works
    std::unordered_map<std::string, Place> mailboxes_;
    std::list<std::string> recent_;  // names, the last used first
    std::size_t open_files_ = 0;
    std::size_t cached_messages_ = 0;
};

EmbeddedMailboxStore::Use EmbeddedMailboxStore::use(const MailboxPath& name) {
    const std::lock_guard guard(mutex_);
    auto [found, is_new] = mailboxes_.try_emplace(name.relative);
    Place& place = found->second;
    if (is_new) {
        place.mailbox = std::make_shared<Mailbox>(around_, name);
        recent_.push_front(name.relative);
        place.recent = recent_.begin();
    } else {
        recent_.splice(recent_.begin(), recent_, place.recent);
    }
    return {place.mailbox, this};
}

void EmbeddedMailboxStore::count(Place& place) {
    const std::size_t messages = place.mailbox->cached_messages();
    const bool is_open = place.mailbox->has_file_open();
    cached_messages_ = cached_messages_ - place.counted_messages + messages;
    open_files_ = open_files_ - (place.counted_open ? 1 : 0) + (is_open ? 1 : 0);
    place.counted_messages = messages;
    place.counted_open = is_open;
}

// Closes the least used mailboxes while there are too many open, and forgets those that nothing is known of.
void EmbeddedMailboxStore::keep_bounds(Mailbox& used) {
    constexpr std::size_t looked_at_max = 64;  // at one time: the next use goes on
    std::vector<std::shared_ptr<Mailbox>> closing;
    {
        const std::lock_guard guard(mutex_);
        const auto place = mailboxes_.find(used.name().relative);
        if (place != mailboxes_.end() && place->second.mailbox.get() == &used) count(place->second);
        const bool crowded = mailboxes_.size() > around_.limits.open_mailboxes_max * 2;
        if (!too_much() && !crowded) return;
        auto name = recent_.rbegin();
        for (std::size_t i = 0; i < looked_at_max && name != recent_.rend(); ++i, ++name) {
            Place& old = mailboxes_.at(*name);
            if (old.mailbox.get() != &used && old.mailbox.use_count() == 1) closing.push_back(old.mailbox);
            if (closing.size() == looked_at_max / 8) break;
        }
    }
    for (const auto& mailbox : closing) mailbox->try_close();
    const std::lock_guard guard(mutex_);
    for (auto& mailbox : closing) {
        const auto place = mailboxes_.find(mailbox->name().relative);
        if (place == mailboxes_.end() || place->second.mailbox != mailbox) continue;
        count(place->second);
        mailbox.reset();
        // Nobody can get at it but through the table: idle now is idle for good.
        if (place->second.mailbox.use_count() == 1 && place->second.mailbox->is_idle()) {
            recent_.erase(place->second.recent);
            mailboxes_.erase(place);
        } else {
            recent_.splice(recent_.begin(), recent_, place->second.recent);
        }
    }
}

void EmbeddedMailboxStore::sweep_folder(const std::string& folder) {
    auto names = around_.files.list(folder);
    if (!names) return;
    for (const auto& name : *names) {
        const std::string path = folder + "/" + name;
        const bool is_lock = name.size() > lock_suffix.size() && name.ends_with(lock_suffix);
        if (!is_rewrite_name(name) && !(is_lock && around_.dots->is_left_over(path))) continue;
        auto removed = around_.files.remove(path);
        around_.log.line(LogLevel::problems, Service::queue, "", "store.swept", "{}: left by a crash, {}",
                         path, removed ? "removed" : removed.error().text);
    }
}

void EmbeddedMailboxStore::sweep() {
    sweep_folder(around_.base + "/Accounts");
    auto domains = around_.files.list(around_.base + "/Domains");
    if (!domains) return;
    for (const auto& domain : *domains) sweep_folder(around_.base + "/Domains/" + domain + "/Accounts");
}

}  // namespace

Result<std::unique_ptr<MailboxStore>> MailboxStore::open(os::FileSystem& files, std::string base,
                                                         Limits limits, Log& log) {
    if (auto made = files.make_folder(base + "/Accounts"); !made) return made.error();
    const std::string index_folder = base + "/Index";
    if (auto made = files.make_folder(index_folder); !made) return made.error();
    auto dots = DotLocks::open(files, index_folder, limits.stale_dot_lock, log);
    if (!dots) return dots.error();
    auto store =
        std::make_unique<EmbeddedMailboxStore>(files, std::move(base), limits, log, std::move(*dots));
    store->sweep();
    return std::unique_ptr<MailboxStore>(std::move(store));
}

}  // namespace sims::store
