// Making the parts and wiring them together.
#include "app/parts.h"

#include <filesystem>

#include <fmt/format.h>

#include "app/host_names.h"
#include "base/log_file.h"
#include "net/self_signed.h"
#include "os/posix_file_system.h"

namespace sims::app {

namespace {

TimePoint now() { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }

// The addresses on which we answer at the port other servers are called at: to connect there would be to
// ourselves.
std::vector<std::string> answering_addresses(const StartSettings& settings,
                                             const std::vector<std::string>& own) {
    std::vector<std::string> out;
    for (const auto& door : settings.listen.smtp) {
        if (door.port != settings.outbound_port) continue;
        if (door.address == "::" || door.address == "0.0.0.0") {
            out.insert(out.end(), own.begin(), own.end());
        } else {
            out.push_back(door.address);
        }
    }
    return out;
}

std::string in_base(const std::string& base, const std::string& path) {
    return path.starts_with('/') ? path : base + "/" + path;
}

}  // namespace

Result<> Server::Parts::open_storage() {
    clock = &now;
    started = now();
    auto opened_log = open_file_log({base + "/Logs", LogFormat::text, clock});
    if (!opened_log) return opened_log.error();
    log = std::move(*opened_log);
    files = os::make_posix_file_system();
    for (const auto* folder : {"Accounts", "Domains", "Index", "Queue", "Directory", "Keys"}) {
        if (auto made = files->make_folder(base + "/" + folder); !made) return made.error();
    }
    auto opened = directory::Directory::open(base + "/Directory", settings.domain, clock, *log);
    if (!opened) return opened.error();
    directory = std::move(*opened);
    return {};
}

Result<net::TlsContextPointer> Server::Parts::load_certificate(const StartSettings& from) const {
    if (!from.certificate.empty()) {
        auto loaded = net::TlsContext::server(in_base(base, from.certificate), in_base(base, from.key));
        if (loaded) return loaded;
        return fail(loaded.error().fault,
                    fmt::format("sims.toml: key 'tls.certificate': {}", loaded.error().text));
    }
    const auto certificate = base + "/Keys/self-signed.crt";
    const auto key = base + "/Keys/self-signed.key";
    if (!files->stat(certificate) || !files->stat(key)) {
        if (auto made = net::make_self_signed(from.hostname, certificate, key); !made) return made.error();
        log->line(LogLevel::major, Service::server, "", "tls.self_signed",
                  "made a self-signed certificate for {}: clients will ask whether to trust it",
                  from.hostname);
    }
    return net::TlsContext::server(certificate, key);
}

Result<> Server::Parts::open_tls() {
    auto loaded = load_certificate(settings);
    if (!loaded) return loaded.error();
    tls.set(std::move(*loaded));
    return {};
}

Result<> Server::Parts::open_office() {
    auto opened_store = store::MailboxStore::open(*files, base, store::Limits{}, *log);
    if (!opened_store) return opened_store.error();
    store = std::move(*opened_store);
    auto opened_spool = queue::Spool::open(*files, base + "/Queue", queue::SpoolLimits{}, clock, *log);
    if (!opened_spool) return opened_spool.error();
    spool = std::move(*opened_spool);
    office::OfficeSettings office_settings;
    office_settings.hostname = settings.hostname;
    office_settings.own_addresses = own_addresses();
    auto opened = office::PostOffice::open({*files, base, *directory, *store, *spool, *log, clock},
                                           std::move(office_settings));
    if (!opened) return opened.error();
    office = std::move(*opened);
    return {};
}

Result<> Server::Parts::open_network(Privileges& privileges) {
    const auto slot = [this] { return tls.get(); };
    const serve::LoginDesk desk{*directory, hashing, throttle, clock};
    logins.emplace(serve::SmtpLogins{desk, serve::SaslSecrets(*directory)});
    smtp.emplace(serve::SmtpServices{*office, disk, *log, settings.hostname, slot,
                                     [this] {
                                         smtp::ServerLimits limits;
                                         const auto values = directory->settings();
                                         limits.recipients_max =
                                             static_cast<std::size_t>(values->number("smtp", "recipients"));
                                         return limits;
                                     },
                                     smtp::Role::relay, &*logins});
    submission.emplace(*smtp);
    submission->role = smtp::Role::submission;
    pop3.emplace(serve::Pop3Services{desk, *office, disk, *log, settings.hostname, slot, {}});
    poppass.emplace(serve::PoppassServices{desk, *log, settings.hostname, slot, {}});
    operations = std::make_unique<admin::Operations>(
        admin::Operations::Parts{*directory, *office, *store, *files, *log, clock}, base);
    http = std::make_unique<admin::HttpServer>(admin::HttpServer::Parts{
        *operations, administration, *log, settings.hostname, settings.domain, [this] { return metrics(); }});

    const auto limits_of = [this](const char* service) {
        return [this, service] {
            const auto values = directory->settings();
            return net::ConnectionLimits{
                static_cast<std::size_t>(values->number(service, "connections")),
                static_cast<std::size_t>(values->number(service, "connections_per_address"))};
        };
    };
    smtp_connections = std::make_shared<net::Connections>(limits_of("smtp"));
    pop3_connections = std::make_shared<net::Connections>(limits_of("pop"));
    poppass_connections = std::make_shared<net::Connections>(limits_of("pwd"));
    admin_connections = std::make_shared<net::Connections>(limits_of("admin"));
    reactors = std::make_unique<net::Reactors>(std::max(1U, std::thread::hardware_concurrency()));

    if (auto opened = open_doors(privileges); !opened) return opened.error();

    auto opened = net::Resolver::open(reactors->at(0), {settings.dns_servers}, *log);
    if (!opened) return opened.error();
    resolver = std::move(*opened);
    auto client_tls = net::TlsContext::client();
    if (!client_tls) return client_tls.error();
    serve::QueueRunnerSettings runner_settings;
    runner_settings.hostname = settings.hostname;
    runner_settings.own_addresses = answering_addresses(settings, own_addresses());
    runner_settings.port = settings.outbound_port;
    runner = std::make_unique<serve::QueueRunner>(
        serve::QueueRunner::Parts{*office, *resolver, *reactors, disk, std::move(*client_tls), *log, clock},
        std::move(runner_settings));
    return {};
}

Result<> Server::Parts::make_postmaster() {
    if (!directory->list().empty()) return {};
    const directory::AccountName name{"Postmaster", {}};
    directory::AccountChange change;
    change.full_name = "Postmaster";
    change.administrator = true;
    if (auto added = office->add_account(name, change); !added) return added.error();
    auto password = directory::make_password();
    if (auto set = directory->set_password(name, password); !set) {
        // Without a password it would never be told of: the next start begins anew.
        if (auto undone = office->remove_account(name); !undone) return undone.error();
        return set.error();
    }
    first_password = std::move(password);
    log->line(LogLevel::major, Service::server, "", "server.first_start",
              "made the account Postmaster; its one-time password was printed on standard output");
    return {};
}

}  // namespace sims::app
