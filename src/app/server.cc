#include "app/server.h"

#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "app/parts.h"

namespace sims::app {

namespace {

constexpr std::chrono::seconds finish_replies_within{10};
constexpr std::chrono::seconds close_within{3};
constexpr std::chrono::milliseconds look_every{20};

// Keys of sims.toml that differ and that only a restart can change.
std::vector<std::string> waiting_for_restart(const StartSettings& now, const StartSettings& next) {
    std::vector<std::string> out;
    const auto compare = [&](const char* key, bool same) {
        if (!same) out.emplace_back(key);
    };
    compare("domain", now.domain == next.domain);
    compare("hostname", now.hostname == next.hostname);
    compare("user", now.user == next.user);
    compare("listen", now.listen == next.listen);
    compare("dns", now.dns_servers == next.dns_servers);
    compare("outbound", now.outbound_port == next.outbound_port);
    return out;
}

}  // namespace

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() {
    // What runs on the pools still speaks of reactors and office: it ends first.
    parts_->doors.clear();
    parts_->disk.join();
    parts_->hashing.join();
    parts_->administration.join();
    if (parts_->reactors) parts_->reactors->stop();
}

Result<std::unique_ptr<Server>> Server::open(const std::string& base, const StartSettings& settings,
                                             Privileges& privileges) {
    std::unique_ptr<Server> server(new Server(std::make_unique<Parts>()));
    auto& parts = *server->parts_;
    parts.base = base;
    parts.settings = settings;
    if (auto done = parts.open_storage(); !done) return done.error();
    {
        // A key is often readable by root alone.
        std::optional<Privileges::Root> root;
        if (!settings.certificate.empty()) root.emplace(privileges);
        if (auto done = parts.open_tls(); !done) return done.error();
    }
    if (auto done = parts.open_office(); !done) return done.error();
    if (auto done = parts.open_network(privileges); !done) return done.error();
    if (auto done = privileges.drop(); !done) return done.error();
    if (auto done = parts.make_postmaster(); !done) return done.error();
    for (const auto& service : settings.listen.unavailable) {
        server->warn(
            fmt::format("sims.toml: key 'listen.{}': this server does not speak {} yet; it is ignored",
                        service, service));
    }
    return server;
}

const std::optional<std::string>& Server::first_password() const { return parts_->first_password; }

void Server::warn(const std::string& text) {
    parts_->log->line(LogLevel::major, Service::server, "", "server.warning", "{}", text);
}

void Server::start() {
    auto& parts = *parts_;
    for (auto& door : parts.doors) {
        door.listener->start([&parts, protocol = door.protocol](asio::io_context& reactor,
                                                                std::unique_ptr<net::Stream> stream) {
            parts.take(protocol, reactor, std::move(stream));
        });
    }
    parts.reactors->start();
    parts.runner->start();
    parts.http->set_ready();
    parts.log->line(LogLevel::major, Service::server, "", "server.started", "{} serves {} from {}",
                    parts.settings.hostname, parts.settings.domain, parts.base);
}

void Server::reload(const StartSettings& settings, const std::vector<std::string>& faults) {
    auto& parts = *parts_;
    for (const auto& fault : faults) warn(fault);
    if (!faults.empty()) {
        warn("sims.toml has faults: nothing was changed");
        return;
    }
    for (const auto& key : waiting_for_restart(parts.settings, settings)) {
        warn(fmt::format("sims.toml: '{}' has changed: it holds after a restart", key));
    }
    auto certificate = parts.load_certificate(settings);
    if (!certificate) {
        warn(fmt::format("{}; the old certificate stays", certificate.error().text));
        return;
    }
    parts.tls.set(std::move(*certificate));
    parts.log->line(LogLevel::major, Service::server, "", "server.reloaded",
                    "sims.toml and certificates were read again");
}

bool Server::stop() {
    auto& parts = *parts_;
    parts.log->line(LogLevel::major, Service::server, "", "server.stopping", "stops");
    for (auto& door : parts.doors) door.listener->stop();
    parts.runner->stop();
    const auto all = parts.all_connections();
    for (const auto& connections : all) connections->drain(*parts.reactors);
    const auto quiet = [&] {
        for (const auto& connections : all) {
            if (connections->counters().current > 0) return false;
        }
        return parts.runner->active() == 0;
    };
    const auto wait = [&](std::chrono::seconds limit) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!quiet() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(look_every);
    };
    wait(finish_replies_within);
    for (const auto& connections : all) connections->close_all(*parts.reactors);
    wait(close_within);
    if (auto done = parts.office->checkpoint(); !done) warn(fmt::format("at the end: {}", done.error().text));
    parts.log->line(LogLevel::major, Service::server, "", "server.stopped", "stopped");
    return quiet();
}

}  // namespace sims::app
