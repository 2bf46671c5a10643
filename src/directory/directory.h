// Domains, accounts, settings, credentials: what an administrator decides, kept in Directory/ and changed
// while the server runs. Reads come from memory and never block; changes are durable when they return (and
// block). Knows no protocol and no mailbox.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "directory/settings.h"
#include "proto/sasl/exchange.h"

namespace sims::directory {

// "joe" in the main domain (domain empty) or in a further one.
struct AccountName {
    std::string name;
    std::string domain;        // empty: the main domain
    std::string text() const;  // "joe" or "joe@example.net"
};

// Letters, digits, '.', '-', '_'; not beginning or ending with a dot; 1 to 64 bytes; and not ending in
// ".lock", which would be another mailbox's dot lock. Errors say what is wrong.
Result<> check_account_name(std::string_view name);
inline bool is_mirror_name(std::string_view name) {
    return name.size() > 2 && (name[0] == 'L' || name[0] == 'l') && name[1] == '-';
}

enum class NotifyMode { none, fixed, last_address };  // Loader: "None", "Notify", "Notify IP"

struct LastLogin {
    TimePoint time{};
    std::string address;
    std::string service;
};

struct Account {
    AccountName name;  // case as created
    std::string full_name;
    bool enabled = true;                 // AccountEnabled: takes mail
    bool login_enabled = true;           // LoginEnabled
    std::int64_t size_limit_kbytes = 0;  // SizeLimit: 0 no limit
    bool apop_required = false;
    NotifyMode notify_mode = NotifyMode::none;
    std::string notify_address;
    bool administrator = false;  // holds every privilege
    std::optional<LastLogin> last_login;
    // The file under the base folder: "Accounts/joe", "Domains/example.net/Accounts/joe".
    std::string mailbox() const;
};

// A new account or a change: what is absent stays as it is.
struct AccountChange {
    std::optional<std::string> full_name;
    std::optional<bool> enabled, login_enabled, apop_required, administrator;
    std::optional<std::int64_t> size_limit_kbytes;
    std::optional<NotifyMode> notify_mode;
    std::optional<std::string> notify_address;
};
// From the Loader's attribute names (case ignored): "FullName", "SizeLimit"... Error names the key.
Result<> apply_attribute(AccountChange& change, std::string_view key, std::string_view value);

// login_disabled is said only to who knows the password. unavailable: the database could not be read; nothing
// is known of the password. To a peer, wrong and no_such_account must look the same.
enum class PasswordVerdict { right, wrong, no_such_account, login_disabled, unavailable };

// What set_password() takes: 1 to 256 bytes without control characters. Errors say what is wrong.
Result<> check_password(std::string_view password);

class Directory {
public:
    // `folder` is BASE/Directory. `main_domain` from sims.toml.
    static Result<std::unique_ptr<Directory>> open(std::string folder, std::string main_domain, Clock clock,
                                                   Log& log);
    virtual ~Directory() = default;

    virtual std::string main_domain() const = 0;
    // Every own domain, the main one first. Compared as lower-case A-labels.
    virtual std::vector<std::string> domains() const = 0;
    virtual bool is_own_domain(std::string_view domain) const = 0;
    // Further domains. Error: exists; refused while the domain has accounts, or for the main one.
    virtual Result<> add_domain(std::string_view domain) = 0;
    virtual Result<> remove_domain(std::string_view domain) = 0;

    virtual std::optional<Account> find(const AccountName& name) const = 0;
    // "joe", "joe@example.org", "JOE@Example.Org": what people type when they log in.
    virtual std::optional<Account> find_login(std::string_view login) const = 0;
    virtual std::vector<Account> list() const = 0;  // by name

    virtual Result<> add(const AccountName& name, const AccountChange& change) = 0;
    virtual Result<> change(const AccountName& name, const AccountChange& change) = 0;
    virtual Result<> rename(const AccountName& from, const AccountName& to) = 0;
    virtual Result<> remove(const AccountName& name) = 0;
    virtual Result<> set_password(const AccountName& name, std::string_view password) = 0;  // slow: hashes
    // A crypt(3) hash ("$6$...") from another server. The next login replaces it with one of our own.
    virtual Result<> set_password_hash(const AccountName& name, std::string_view hash) = 0;
    // Slow the first time (tens of milliseconds of CPU: argon2id), a keyed digest in memory afterwards. Takes
    // the same time whether or not the account exists. Never call from a reactor thread unless remembers()
    // says so.
    virtual PasswordVerdict verify_password(std::string_view login, std::string_view password) = 0;
    // Whether verify_password() would answer from memory, without hashing.
    virtual bool remembers(std::string_view login, std::string_view password) const = 0;
    // What SCRAM needs, from memory. Nothing for who may not log in, or has not done so with a password since
    // an imported hash. Changes together with the password.
    virtual std::optional<sasl::ScramKeys> scram_keys(std::string_view login) const = 0;
    // 16 bytes, the same for the same name as long as the process lives.
    virtual std::string decoy_salt(std::string_view login) const = 0;
    // Kept in memory, written now and then.
    virtual void note_login(const AccountName& name, const LastLogin& login) = 0;

    // Settings: typed, with defaults (settings.h). The log levels among them are set in the Log at once.
    virtual SettingsPointer settings() const = 0;  // immutable snapshot; cheap
    // All changes or none. An empty value of a type that cannot be empty means the default.
    virtual Result<> set_settings(std::string_view service,
                                  const std::vector<std::pair<std::string, std::string>>& changes) = 0;

    // The Router table as saved, comments and all.
    virtual std::string router_table() const = 0;
    virtual Result<> set_router_table(std::string_view text) = 0;  // does not judge it: src/route does
};

// 16 characters people can read to each other: no 0 O 1 l I. From the system's random source.
std::string make_password();

}  // namespace sims::directory
