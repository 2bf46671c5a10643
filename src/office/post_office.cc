#include "office/post_office.h"

#include "office/office.h"
#include "office/recovery.h"

namespace sims::office {

queue::RetryRules rules_from(const directory::Settings& settings) {
    auto rules = queue::default_retry_rules();
    if (auto steps = queue::parse_retry_schedule(settings.text("smtp", "retry_schedule")))
        rules.steps = *steps;
    rules.warn_after = std::chrono::seconds(settings.number("smtp", "warn_after"));
    rules.return_after = std::chrono::seconds(settings.number("smtp", "return_after"));
    rules.destination_connections =
        static_cast<std::size_t>(settings.number("smtp", "destination_connections"));
    return rules;
}

Office::Office(Parts parts, OfficeSettings settings, std::unique_ptr<Quota> quota,
               std::unique_ptr<Policy> policy)
    : parts_(parts),
      settings_(std::move(settings)),
      quota_(std::move(quota)),
      policy_(std::move(policy)),
      expander_(*policy_, parts.files, parts.base),
      rules_for_(parts.directory.settings()),
      book_(rules_from(*rules_for_)),
      local_(std::make_unique<LocalDelivery>(
          LocalDelivery::Parts{parts.store, parts.spool, ledger_, parts.directory, *quota_, parts.log},
          settings_.checkpoint_interval,
          [this](const LocalJob& job, Book::Outcome outcome, const std::string& reply) {
              local_outcome(job, outcome, reply);
          },
          [this] { return housekeeping(); })) {
    quota_->look_on([this](std::function<void()> look) { local_->run(std::move(look)); });
    pressure_->local = local_.get();
    parts_.spool.on_pressure([pressure = pressure_] {
        const std::lock_guard lock(pressure->mutex);
        if (pressure->local != nullptr) pressure->local->wake_housekeeping();
    });
}

Office::~Office() {
    parts_.spool.on_pressure({});
    {
        const std::lock_guard lock(pressure_->mutex);
        pressure_->local = nullptr;
    }
    local_.reset();
    // What the last checkpoint learned is lazy: the next start should not have to look again.
    if (auto done =
            wait_for_spool([&](queue::Spool::Done then) { parts_.spool.update({}, std::move(then)); });
        !done) {
        parts_.log.line(LogLevel::failures, Service::server, "", "office.checkpoint_failed",
                        "the journal could not be synced at the end: {}", done.error().text);
    }
}

Result<> Office::take_up(queue::Recovered recovered) {
    for (const auto& sentence : recovered.damage) {
        parts_.log.line(LogLevel::failures, Service::queue, "", "spool.damage", "{}", sentence);
    }
    if (auto mended = mend_mailboxes({parts_.store, parts_.spool, parts_.log}, recovered); !mended)
        return mended;
    const auto now = parts_.clock();
    for (const auto& message : recovered.messages) book_.enter_recovered(message, now);
    local_->wake_housekeeping();
    return {};
}

Result<> Office::remove_messages(const directory::Account& account, std::unique_ptr<store::Maildrop> drop,
                                 std::vector<std::size_t> numbers) {
    // The journal must know what was delivered before it can be removed, or a crash brings it back.
    return local_->checkpoint_and({account.mailbox()},
                                  [&] { return parts_.store.remove_messages(std::move(drop), numbers); });
}

Result<> Office::add_account(const directory::AccountName& name, const directory::AccountChange& change) {
    if (auto added = parts_.directory.add(name, change); !added) return added;
    directory::Account account;
    account.name = name;
    if (auto made = parts_.store.create({account.mailbox()}); !made) {
        (void)parts_.directory.remove(name);
        return made;
    }
    return {};
}

Result<> Office::rename_account(const directory::AccountName& from, const directory::AccountName& to) {
    const auto old_mailbox = mailbox_of(from);
    const auto new_mailbox = mailbox_of(to);
    if (auto renamed = parts_.directory.rename(from, to); !renamed) return renamed;
    auto done =
        local_->checkpoint_and(old_mailbox, [&] { return parts_.store.rename(old_mailbox, new_mailbox); });
    if (!done) (void)parts_.directory.rename(to, from);
    return done;
}

Result<> Office::remove_account(const directory::AccountName& name) {
    const auto mailbox = mailbox_of(name);
    // A reader of the mailbox is in the way of nothing but the file: nobody logs in any more, and no mail
    // comes.
    auto done = local_->checkpoint_and(mailbox, [&] { return parts_.store.remove(mailbox); });
    if (!done && done.error().fault != Fault::not_found) return done;
    return parts_.directory.remove(name);
}

Result<std::unique_ptr<PostOffice>> PostOffice::open(Parts parts, OfficeSettings settings) {
    auto quota = std::make_unique<Quota>(parts.store);
    auto policy = Policy::open(parts.directory, *quota, settings.own_addresses, parts.log);
    if (!policy) return policy.error();
    auto recovered = parts.spool.take_recovered();
    auto office = std::make_unique<Office>(parts, std::move(settings), std::move(quota), std::move(*policy));
    if (auto taken = office->take_up(std::move(recovered)); !taken) return taken.error();
    return std::unique_ptr<PostOffice>(std::move(office));
}

}  // namespace sims::office
