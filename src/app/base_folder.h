// The base folder: which it is, that it is there and ours alone.
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "app/start_settings.h"
#include "base/result.h"

namespace sims::app {

// Absolute: `option` (--base), else $SIMS_BASE, else /var/lib/sims.
std::string choose_base(const std::string& option);

// A user to become.
struct User {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
};
Result<User> find_user(const std::string& name);

// A server started as root that is to be somebody else works as that user from the beginning, so that all it
// makes is the user's, and is root again only to open ports and to read keys.
class Privileges {
public:
    // None: stays what it is.
    static Result<Privileges> assume(const std::optional<User>& user);
    // Root while it lives, when there is a way back.
    class Root {
    public:
        explicit Root(const Privileges& privileges);
        ~Root();
        Root(const Root&) = delete;
        Root& operator=(const Root&) = delete;

    private:
        const Privileges& privileges_;
    };
    // No way back from here.
    Result<> drop();

private:
    explicit Privileges(std::optional<User> user) : user_(std::move(user)) {}
    std::optional<User> user_;  // none: nothing to switch
};

// sims.toml read and judged. `faults` in sentences, "sims.toml:7: key ...", the topmost first; a missing file
// is no fault.
struct LoadedSettings {
    StartSettings settings;
    std::vector<std::string> faults;
};
LoadedSettings load_settings(const std::string& base, const HostNames& host);

// The one server of a base folder: holds BASE/.lock, with the process number in it, until destroyed.
class BaseLock {
public:
    // Errors: busy when another process holds it, naming the process.
    static Result<BaseLock> take(const std::string& base);
    BaseLock(BaseLock&& other) noexcept;
    BaseLock& operator=(BaseLock&&) = delete;
    ~BaseLock();

private:
    explicit BaseLock(int descriptor) : descriptor_(descriptor) {}
    int descriptor_;
};

// Makes the folder (0700) when it is not there, for `owner` when there is one. At the first start a folder of
// root's is given to the owner, too.
Result<> prepare_base(const std::string& base, const std::optional<User>& owner);
// Errors: it can't be written by who we are now.
Result<> check_writable(const std::string& base);

}  // namespace sims::app
