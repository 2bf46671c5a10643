// `sims check`: looks at an installation and says what to mend. DNS records are looked at by the server's own
// resolver only when it runs, so they are left out here.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "app/base_folder.h"
#include "app/console.h"
#include "app/host_names.h"
#include "app/serve.h"
#include "net/socket_address.h"
#include "net/tls_context.h"

namespace sims::app {

namespace {

constexpr int certificate_days_min = 14;

class Findings {
public:
    void good(const std::string& text) { print(fmt::format("ok       {}\n", text)); }
    void bad(const std::string& text) {
        print(fmt::format("MEND     {}\n", text));
        ++count_;
    }
    int status() const { return count_ == 0 ? exit_done : exit_failed; }

private:
    std::size_t count_ = 0;
};

// Whether the port is free, or held by the server whose folder this is.
void check_port(Findings& findings, const char* key, const ListenAddress& door, bool server_runs) {
    const auto address = net::parse_socket_address(door.text());
    if (!address) return;
    const int descriptor = socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        findings.bad(fmt::format("listen.{}: {}: {}", key, door.text(), std::strerror(errno)));
        return;
    }
    const int on = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    const bool bound = bind(descriptor, address->get(), address->length) == 0;
    const int error = errno;
    close(descriptor);
    if (bound) {
        findings.good(fmt::format("listen.{}: {} is free", key, door.text()));
    } else if (error == EADDRINUSE && server_runs) {
        findings.good(fmt::format("listen.{}: {} is in use, and the server runs", key, door.text()));
    } else if (error == EADDRINUSE) {
        findings.bad(fmt::format("listen.{}: {} is in use by another program: stop it, or give another port",
                                 key, door.text()));
    } else if (error == EACCES) {
        findings.bad(fmt::format("listen.{}: {} needs root, or the capability CAP_NET_BIND_SERVICE", key,
                                 door.text()));
    } else {
        findings.bad(fmt::format("listen.{}: {}: {}", key, door.text(), std::strerror(error)));
    }
}

void check_certificate(Findings& findings, const std::string& base, const StartSettings& settings) {
    if (settings.certificate.empty()) {
        findings.good(
            "tls: none given: a self-signed certificate is made in Keys/, which clients will not trust "
            "unasked");
        return;
    }
    const auto full = [&](const std::string& path) {
        return path.starts_with('/') ? path : base + "/" + path;
    };
    if (const auto loaded = net::TlsContext::server(full(settings.certificate), full(settings.key));
        !loaded) {
        findings.bad(fmt::format("tls: {}", loaded.error().text));
        return;
    }
    std::FILE* file = std::fopen(full(settings.certificate).c_str(), "re");
    if (file == nullptr) return;
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_X509(file, nullptr, nullptr, nullptr), &X509_free);
    std::fclose(file);
    if (!certificate) return;
    int days = 0;
    int seconds = 0;
    ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate.get()));
    if (days < certificate_days_min) {
        findings.bad(fmt::format("tls: {} ends in {} days: renew it", settings.certificate, days));
    } else if (X509_check_host(certificate.get(), settings.hostname.c_str(), 0, 0, nullptr) != 1) {
        findings.bad(fmt::format("tls: {} is not for {}, as this server calls itself", settings.certificate,
                                 settings.hostname));
    } else {
        findings.good(
            fmt::format("tls: {} is good for {} for {} days", settings.certificate, settings.hostname, days));
    }
}

}  // namespace

int check_installation(const CommandLine& line) {
    Findings findings;
    const auto base = choose_base(line.base);
    const auto loaded = load_settings(base, host_names());
    for (const auto& fault : loaded.faults) findings.bad(fault);
    const auto& settings = loaded.settings;
    if (loaded.faults.empty()) {
        findings.good(fmt::format("sims.toml: domain {}, host name {}", settings.domain, settings.hostname));
    }
    for (const auto& name : settings.listen.unavailable) {
        findings.bad(fmt::format("listen.{}: this server does not speak it yet: take it out", name));
    }
    if (!settings.user.empty()) {
        const auto user = find_user(settings.user);
        if (!user) findings.bad(fmt::format("user: {}", user.error().text));
    }
    std::error_code error;
    if (!std::filesystem::exists(base, error)) {
        findings.good(fmt::format("{} is not there yet: `sims serve` makes it", base));
    } else if (const auto writable = check_writable(base); !writable) {
        findings.bad(writable.error().text);
    } else {
        findings.good(fmt::format("{} can be written", base));
    }
    // A lock that is held is the running server's.
    const bool server_runs = std::filesystem::exists(base + "/.lock", error) && !BaseLock::take(base);
    const std::pair<const char*, const std::vector<ListenAddress>*> doors[] = {
        {"smtp", &settings.listen.smtp},
        {"submission", &settings.listen.submission},
        {"submissions", &settings.listen.submissions},
        {"pop3", &settings.listen.pop3},
        {"pop3s", &settings.listen.pop3s},
        {"poppassd", &settings.listen.poppassd},
        {"poppassds", &settings.listen.poppassds},
        {"admin", &settings.listen.admin},
    };
    for (const auto& [key, addresses] : doors) {
        for (const auto& address : *addresses) check_port(findings, key, address, server_runs);
    }
    check_certificate(findings, base, settings);
    return findings.status();
}

}  // namespace sims::app
