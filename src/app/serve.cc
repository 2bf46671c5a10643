#include "app/serve.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <malloc.h>
#include <optional>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include "app/base_folder.h"
#include "app/console.h"
#include "app/host_names.h"
#include "app/server.h"

namespace sims::app {

namespace {

int refuse(const std::string& sentence) {
    fmt::print(stderr, "sims: {}\n", sentence);
    return exit_failed;
}

// Threads come and go with sessions' work; an arena for each would keep memory of the busiest moment for
// ever.
constexpr int malloc_arenas = 2;
// Large blocks (a password being hashed needs tens of MiB) go back to the system at once, and the rest is not
// trimmed at every turn.
constexpr int malloc_own_mapping_bytes = 4 << 20;
constexpr int malloc_trim_bytes = 4 << 20;

void prepare_process() {
    std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
    mallopt(M_ARENA_MAX, malloc_arenas);
    mallopt(M_MMAP_THRESHOLD, malloc_own_mapping_bytes);
    mallopt(M_TRIM_THRESHOLD, malloc_trim_bytes);
    std::signal(SIGPIPE, SIG_IGN);
    umask(077);
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

// Signals are waited for by the main thread; every thread made later inherits that they are blocked.
sigset_t block_signals() {
    sigset_t set{};
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    return set;
}

// Until it is time to end.
void obey_signals(const sigset_t& set, Server& server, const std::string& base) {
    for (;;) {
        int signal = 0;
        if (sigwait(&set, &signal) != 0) continue;
        if (signal != SIGHUP) return;
        sd_notify(0, "RELOADING=1");
        const auto loaded = load_settings(base, host_names());
        server.reload(loaded.settings, loaded.faults);
        sd_notify(0, "READY=1");
    }
}

}  // namespace

int serve(const CommandLine& line) {
    prepare_process();
    const auto signals = block_signals();
    const auto base = choose_base(line.base);
    const auto loaded = load_settings(base, host_names());
    for (const auto& fault : loaded.faults) refuse(fault);
    if (!loaded.faults.empty()) return exit_failed;

    std::optional<User> user;
    const bool is_root = geteuid() == 0;
    if (is_root && !loaded.settings.user.empty()) {
        auto found = find_user(loaded.settings.user);
        if (!found) return refuse(fmt::format("sims.toml: key 'user': {}", found.error().text));
        user = std::move(*found);
    }
    if (auto prepared = prepare_base(base, user); !prepared) return refuse(prepared.error().text);
    auto privileges = Privileges::assume(user);
    if (!privileges) return refuse(privileges.error().text);
    if (auto writable = check_writable(base); !writable) return refuse(writable.error().text);
    const auto lock = BaseLock::take(base);
    if (!lock) return refuse(lock.error().text);

    auto opened = Server::open(base, loaded.settings, *privileges);
    if (!opened) return refuse(opened.error().text);
    auto server = std::move(*opened);
    if (is_root && !user) {
        const std::string warning = "runs as root: give a user in sims.toml (key 'user')";
        fmt::print(stderr, "sims: {}\n", warning);
        server->warn(warning);
    }
    if (const auto& password = server->first_password()) {
        fmt::print("sims: Postmaster password: {}\n", *password);
    }
    server->start();
    fmt::print("sims: ready\n");
    std::fflush(stdout);
    sd_notify(0, "READY=1");

    obey_signals(signals, *server, base);
    sd_notify(0, "STOPPING=1");
    // Everything is written down: where a peer or a resolver still holds on to a session, there is nothing to
    // wait for.
    if (!server->stop()) std::_Exit(exit_done);
    return exit_done;
}

}  // namespace sims::app
