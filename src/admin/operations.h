// What an administrator can do, each thing once: web, command line and API are all thin clients of this.
// Every call may block on the disk: never call from a reactor thread. Every change is written to the log
// (service admin, level major): who, from where, what, old and new; never a password. Says nothing of who
// may: http_server.h does. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/log_reader.h"
#include "admin/problem.h"
#include "base/log.h"
#include "base/time.h"
#include "directory/directory.h"
#include "office/post_office.h"
#include "os/file_system.h"
#include "queue/message.h"
#include "route/router.h"
#include "store/mailbox_store.h"

namespace sims::admin {

// Who asks, for the log.
struct Caller {
    std::string name;  // an account, or "administrator" for who may open control.sock
    std::string from;  // a network address, or "control.sock"
};

struct AccountView {
    directory::Account account;
    store::MailboxStatus mailbox;  // zeros when it can't be read
};

// Attribute names and texts as in the Loader: {"FullName", "Joe"}, {"SizeLimit", "0"}...
std::vector<std::pair<std::string, std::string>> attributes_of(const directory::Account& account);
std::string_view name_of(directory::NotifyMode mode);
std::string_view name_of(directory::SettingType type);

struct DomainView {
    std::string name;
    bool main = false;
    std::size_t accounts = 0;
};

struct MirrorView {
    std::string name;
    std::size_t members = 0;
    std::string text;  // the list as it is written, comments and all
};

struct SettingView {
    const directory::SettingSpec* spec;
    std::string value;
};

struct RouterTest {
    std::string address;
    route::Route route;
    bool relay = false;  // may a stranger, or the host asked for, send there
};

struct AdminLimits {
    static constexpr std::size_t mirror_bytes_max = 64 << 20;  // as the office reads
    static constexpr std::size_t list_bytes_max = 16 << 20;    // all mirrors' texts are never listed together
};

class Operations {
public:
    struct Parts {
        directory::Directory& directory;
        office::PostOffice& office;
        store::MailboxStore& store;
        os::FileSystem& files;
        Log& log;
        Clock clock;
    };
    Operations(Parts parts, std::string base) : parts_(std::move(parts)), base_(std::move(base)) {}

    // Accounts. A name is "joe" or "joe@example.net". Mirrors are accounts, too.
    std::vector<AccountView> accounts();
    Outcome<AccountView> account(std::string_view name);
    // Without a password nobody can log in.
    Outcome<AccountView> add_account(const Caller& caller, std::string_view name,
                                     const directory::AccountChange& change,
                                     const std::optional<std::string>& password);
    Outcome<AccountView> change_account(const Caller& caller, std::string_view name,
                                        const directory::AccountChange& change);
    Outcome<> set_password(const Caller& caller, std::string_view name, const std::string& password);
    Outcome<AccountView> rename_account(const Caller& caller, std::string_view from, std::string_view to);
    Outcome<> remove_account(const Caller& caller, std::string_view name);

    // Own domains.
    std::vector<DomainView> domains();
    Outcome<DomainView> domain(std::string_view name);
    Outcome<DomainView> add_domain(const Caller& caller, std::string_view name);
    Outcome<> remove_domain(const Caller& caller, std::string_view name);

    // Distribution mirrors, "L-team" or "L-team@example.net".
    std::vector<MirrorView> mirrors();  // without their texts
    Outcome<MirrorView> mirror(std::string_view name);
    // Made when it is not there. A list with a faulty line is refused whole, naming the lines.
    Outcome<MirrorView> set_mirror(const Caller& caller, std::string_view name, std::string_view text);
    Outcome<> remove_mirror(const Caller& caller, std::string_view name);

    // The Router.
    std::string router_table() const { return parts_.directory.router_table(); }
    Outcome<> set_router_table(const Caller& caller, std::string_view text);
    // `from_ip` empty: a stranger.
    Outcome<RouterTest> test_router(std::string_view address, std::string_view from_ip) const;

    // Settings. `service` empty: of all services.
    Outcome<std::vector<SettingView>> settings(std::string_view service) const;
    Outcome<> set_settings(const Caller& caller, std::string_view service,
                           const std::vector<std::pair<std::string, std::string>>& changes);

    // The queue. An id is text as people see it.
    std::vector<queue::QueuedMessage> queue() const { return parts_.office.queue(); }
    Outcome<queue::QueuedMessage> queued(std::string_view id) const;
    enum class QueueAction { retry, hold, release, remove };
    Outcome<> change_queue(const Caller& caller, QueueAction action, std::string_view id);
    Outcome<> retry_all(const Caller& caller);

    // Mailboxes.
    Outcome<store::CheckReport> check_mailbox(std::string_view name);
    Outcome<store::CheckReport> rebuild_mailbox(const Caller& caller, std::string_view name);

    // The server log.
    Outcome<LogPage> log(const LogQuestion& question) const;

    directory::Directory& directory() const { return parts_.directory; }

private:
    Outcome<directory::AccountName> name_from(std::string_view text) const;
    Outcome<directory::Account> find(std::string_view name) const;
    Outcome<directory::Account> find_mirror(std::string_view name) const;
    AccountView view(directory::Account account) const;
    MirrorView mirror_view(const directory::Account& account, std::string text) const;
    Outcome<std::string> read_list(const directory::Account& account) const;
    void note(const Caller& caller, std::string_view what) const;

    Parts parts_;
    std::string base_;
};

}  // namespace sims::admin
