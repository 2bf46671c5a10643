#include "app/base_folder.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <grp.h>
#include <pwd.h>
#include <sstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace sims::app {

namespace {
constexpr std::size_t settings_bytes_max = 1 << 20;
constexpr std::string_view settings_name = "sims.toml";
}  // namespace

std::string choose_base(const std::string& option) {
    std::string chosen = option;
    if (chosen.empty()) {
        const char* environment = std::getenv("SIMS_BASE");
        chosen = environment != nullptr && *environment != '\0' ? environment : "/var/lib/sims";
    }
    std::error_code error;
    auto absolute = std::filesystem::absolute(chosen, error).lexically_normal().string();
    while (absolute.size() > 1 && absolute.ends_with('/')) absolute.pop_back();
    return error ? chosen : absolute;
}

Result<User> find_user(const std::string& name) {
    std::array<char, 16 * 1024> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    const int error = getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) {
        return fail(Fault::not_found, error != 0 ? fmt::format("user {}: {}", name, std::strerror(error))
                                                 : fmt::format("there is no user {}", name));
    }
    return User{name, found->pw_uid, found->pw_gid};
}

Result<Privileges> Privileges::assume(const std::optional<User>& user) {
    Privileges out(user);
    if (!user) return out;
    if (initgroups(user->name.c_str(), user->gid) != 0)
        return system_error(errno, "set the groups of", user->name);
    if (setegid(user->gid) != 0) return system_error(errno, "become the group of", user->name);
    if (seteuid(user->uid) != 0) return system_error(errno, "become", user->name);
    return out;
}

Privileges::Root::Root(const Privileges& privileges) : privileges_(privileges) {
    if (privileges_.user_) check(seteuid(0) == 0, "root is gone too early");
}

Privileges::Root::~Root() {
    if (privileges_.user_) check(seteuid(privileges_.user_->uid) == 0, "there is no way back from root");
}

Result<> Privileges::drop() {
    if (!user_) return {};
    const auto user = *std::exchange(user_, std::nullopt);
    if (seteuid(0) != 0) return system_error(errno, "become root again for", user.name);
    if (setgid(user.gid) != 0) return system_error(errno, "become the group of", user.name);
    if (setuid(user.uid) != 0) return system_error(errno, "become", user.name);
    if (user.uid != 0 && seteuid(0) == 0) return fail(Fault::io, "root could not be given up");
    return {};
}

LoadedSettings load_settings(const std::string& base, const HostNames& host) {
    const auto path = fmt::format("{}/{}", base, settings_name);
    LoadedSettings out;
    std::string text;
    std::error_code error;
    const auto kind = std::filesystem::status(path, error).type();
    if (kind != std::filesystem::file_type::not_found) {
        std::ifstream file(path, std::ios::binary);
        std::ostringstream all;
        all << file.rdbuf();
        text = all.str();
        if (!file.is_open() || file.bad()) {
            out.faults.push_back(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
            return out;
        }
        if (text.size() > settings_bytes_max) {
            out.faults.push_back(fmt::format("{}: longer than {} bytes", path, settings_bytes_max));
            return out;
        }
    }
    auto parsed = parse_start_settings(text, host);
    for (const auto& fault : parsed.faults) out.faults.push_back(fault.sentence(settings_name));
    out.settings = std::move(parsed.settings);
    return out;
}

Result<BaseLock> BaseLock::take(const std::string& base) {
    const auto path = base + "/.lock";
    const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) return system_error(errno, "open", path);
    BaseLock lock(descriptor);
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return system_error(errno, "lock", path);
        std::array<char, 32> holder{};
        const auto got = pread(descriptor, holder.data(), holder.size() - 1, 0);
        const std::string process(holder.data(), got > 0 ? strcspn(holder.data(), "\n") : 0);
        return fail(Fault::busy,
                    fmt::format("another server runs on {}{}", base,
                                process.empty() ? std::string() : fmt::format(" (process {})", process)));
    }
    const auto own = fmt::format("{}\n", getpid());
    if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, own.data(), own.size(), 0) < 0) {
        return system_error(errno, "write", path);
    }
    return lock;
}

BaseLock::BaseLock(BaseLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

BaseLock::~BaseLock() {
    if (descriptor_ >= 0) close(descriptor_);
}

Result<> prepare_base(const std::string& base, const std::optional<User>& owner) {
    std::error_code error;
    bool made = false;
    if (!std::filesystem::exists(base, error)) {
        const auto parent = std::filesystem::path(base).parent_path();
        if (!parent.empty()) std::filesystem::create_directories(parent, error);
        if (mkdir(base.c_str(), 0700) != 0) return system_error(errno, "make the base folder", base);
        made = true;
    }
    if (!std::filesystem::is_directory(base, error)) {
        return fail(Fault::invalid, fmt::format("the base folder {} is no folder", base));
    }
    if (!owner) return {};
    struct stat now {};
    if (stat(base.c_str(), &now) != 0) return system_error(errno, "look at", base);
    const bool first_start = !std::filesystem::exists(base + "/Directory", error);
    if (!made && (now.st_uid != 0 || !first_start)) return {};
    if (chown(base.c_str(), owner->uid, owner->gid) != 0) return system_error(errno, "chown", base);
    return {};
}

Result<> check_writable(const std::string& base) {
    if (faccessat(AT_FDCWD, base.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) == 0) return {};
    return system_error(errno, "write to the base folder", base);
}

}  // namespace sims::app
