// The listeners, what is spoken behind each, and the figures of both.
#include <exception>
#include <fstream>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include "app/parts.h"
#include "serve/implicit_tls.h"

namespace sims::app {

namespace {

asio::awaitable<void> serve_smtps(std::unique_ptr<net::Stream> stream, const serve::SmtpServices& services) {
    const bool begun = co_await serve::begin_with_tls(*stream, services.tls(), Service::smtp, services.log);
    if (!begun) co_return;
    co_await serve::serve_smtp(std::move(stream), services);
}

Service service_of(Protocol protocol) {
    switch (protocol) {
        case Protocol::smtp:
        case Protocol::submission:
        case Protocol::submissions: return Service::smtp;
        case Protocol::pop3:
        case Protocol::pop3_over_tls: return Service::pop;
        case Protocol::poppass:
        case Protocol::poppass_over_tls: return Service::pwd;
        case Protocol::admin:
        case Protocol::admin_local: return Service::admin;
    }
    return Service::server;
}

std::string refusal_of(Protocol protocol, const std::string& hostname) {
    switch (protocol) {
        case Protocol::smtp:
        case Protocol::submission:
            return fmt::format("421 4.3.2 {} Too many connections, try again later\r\n", hostname);
        case Protocol::pop3: return "-ERR [SYS/TEMP] Too many connections, try again later\r\n";
        case Protocol::poppass: return "500 Too many connections, try again later\r\n";
        case Protocol::admin:
        case Protocol::admin_local:
            return "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        case Protocol::submissions:
        case Protocol::pop3_over_tls:
        case Protocol::poppass_over_tls: break;
    }
    return {};
}

std::uint64_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t total = 0;
    std::uint64_t resident = 0;
    file >> total >> resident;
    return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

Result<> Server::Parts::open_door(Protocol protocol, const std::string& key, const ListenAddress& address) {
    net::ConnectionsPointer connections;
    switch (service_of(protocol)) {
        case Service::smtp: connections = smtp_connections; break;
        case Service::pop: connections = pop3_connections; break;
        case Service::pwd: connections = poppass_connections; break;
        case Service::admin: connections = admin_connections; break;
        case Service::server:
        case Service::notify:
        case Service::appletalk:
        case Service::queue: break;
    }
    net::ListenerSettings door{address.text(), service_of(protocol), refusal_of(protocol, settings.hostname)};
    auto opened = net::Listener::open(*reactors, std::move(door), std::move(connections), *log);
    if (!opened) {
        return fail(opened.error().fault,
                    fmt::format("sims.toml: key 'listen.{}': {}", key, opened.error().text));
    }
    doors.push_back({protocol, std::move(*opened)});
    return {};
}

Result<> Server::Parts::open_doors(Privileges& privileges) {
    const auto& listen = settings.listen;
    struct Row {
        Protocol protocol;
        const char* key;
        const std::vector<ListenAddress>& addresses;
    };
    const Row rows[] = {
        {Protocol::smtp, "smtp", listen.smtp},
        {Protocol::submission, "submission", listen.submission},
        {Protocol::submissions, "submissions", listen.submissions},
        {Protocol::pop3, "pop3", listen.pop3},
        {Protocol::pop3_over_tls, "pop3s", listen.pop3s},
        {Protocol::poppass, "poppassd", listen.poppassd},
        {Protocol::poppass_over_tls, "poppassds", listen.poppassds},
        {Protocol::admin, "admin", listen.admin},
    };
    {
        const Privileges::Root root(privileges);
        for (const auto& row : rows) {
            for (const auto& address : row.addresses) {
                if (auto opened = open_door(row.protocol, row.key, address); !opened) return opened.error();
            }
        }
    }
    net::ListenerSettings local{base + "/control.sock", Service::admin,
                                refusal_of(Protocol::admin_local, {})};
    auto opened = net::Listener::open_local(*reactors, std::move(local), admin_connections, *log);
    if (!opened) return opened.error();
    doors.push_back({Protocol::admin_local, std::move(*opened)});
    return {};
}

void Server::Parts::take(Protocol protocol, asio::io_context& reactor, std::unique_ptr<net::Stream> stream) {
    const auto service = service_of(protocol);
    auto ended = [this, service](std::exception_ptr thrown) {
        if (!thrown) return;
        // Nothing of ours throws on purpose: what does is a bug, or memory that ran out. The session ends,
        // the server goes on.
        try {
            std::rethrow_exception(thrown);
        } catch (const std::exception& error) {
            log->line(LogLevel::crashes, service, "", "server.session_crashed", "a session ended by {}",
                      error.what());
        }
    };
    switch (protocol) {
        case Protocol::smtp:
            asio::co_spawn(reactor, serve::serve_smtp(std::move(stream), *smtp), std::move(ended));
            return;
        case Protocol::submission:
            asio::co_spawn(reactor, serve::serve_smtp(std::move(stream), *submission), std::move(ended));
            return;
        case Protocol::submissions:
            asio::co_spawn(reactor, serve_smtps(std::move(stream), *submission), std::move(ended));
            return;
        case Protocol::pop3:
            asio::co_spawn(reactor, serve::serve_pop3(std::move(stream), *pop3), std::move(ended));
            return;
        case Protocol::pop3_over_tls:
            asio::co_spawn(reactor, serve::serve_pop3s(std::move(stream), *pop3), std::move(ended));
            return;
        case Protocol::poppass:
            asio::co_spawn(reactor, serve::serve_poppass(std::move(stream), *poppass), std::move(ended));
            return;
        case Protocol::poppass_over_tls:
            asio::co_spawn(reactor, serve::serve_poppass_tls(std::move(stream), *poppass), std::move(ended));
            return;
        case Protocol::admin:
            asio::co_spawn(reactor, http->serve(std::move(stream), admin::Door::network), std::move(ended));
            return;
        case Protocol::admin_local:
            asio::co_spawn(reactor, http->serve(std::move(stream), admin::Door::local), std::move(ended));
            return;
    }
}

std::vector<admin::Metric> Server::Parts::metrics() const {
    using admin::MetricType;
    const auto spooled = spool->counters();
    const auto number = [](auto value) { return static_cast<double>(value); };
    std::vector<admin::Metric> out{
        {"process_start_time_seconds", "When the server started, in seconds since 1970.", MetricType::gauge,
         "", "",
         number(std::chrono::duration_cast<std::chrono::seconds>(started.time_since_epoch()).count())},
        {"process_resident_memory_bytes", "Resident memory.", MetricType::gauge, "", "",
         number(resident_bytes())},
        {"sims_accounts", "Accounts, mirrors too.", MetricType::gauge, "", "",
         number(directory->list().size())},
        {"sims_queue_messages", "Messages in the spool.", MetricType::gauge, "", "",
         number(spooled.messages)},
        {"sims_queue_settled_messages", "Of them, those that wait as files of their own.", MetricType::gauge,
         "", "", number(spooled.settled)},
        {"sims_queue_journal_bytes", "Size of the journal.", MetricType::gauge, "", "",
         number(spooled.journal_bytes)},
        {"sims_spool_syncs_total", "Syncs of the journal since start.", MetricType::counter, "", "",
         number(spooled.syncs)},
        {"sims_spool_commits_total", "Messages committed since start.", MetricType::counter, "", "",
         number(spooled.commits)},
        {"sims_relay_connections", "Connections to other servers, or attempts at one.", MetricType::gauge, "",
         "", number(runner->active())},
    };
    const std::pair<const char*, net::ConnectionCounters> services[] = {
        {"smtp", smtp_connections->counters()},
        {"pop", pop3_connections->counters()},
        {"pwd", poppass_connections->counters()},
        {"admin", admin_connections->counters()},
    };
    for (const auto& [service, counters] : services) {
        out.push_back({"sims_connections", "Connections now.", MetricType::gauge, "service", service,
                       number(counters.current)});
    }
    for (const auto& [service, counters] : services) {
        out.push_back({"sims_connections_accepted_total", "Connections accepted since start.",
                       MetricType::counter, "service", service, number(counters.accepted)});
    }
    for (const auto& [service, counters] : services) {
        out.push_back({"sims_connections_refused_total", "Connections refused for a limit since start.",
                       MetricType::counter, "service", service, number(counters.refused)});
    }
    return out;
}

}  // namespace sims::app
