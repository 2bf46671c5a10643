// What a server is made of, in the order of making: members are destroyed in the opposite one, so that
// whatever holds on to something else comes after it.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/thread_pool.hpp>

#include "admin/http_server.h"
#include "admin/operations.h"
#include "app/server.h"
#include "base/log.h"
#include "directory/directory.h"
#include "guard/login_throttle.h"
#include "net/connections.h"
#include "net/listener.h"
#include "net/reactors.h"
#include "net/resolver.h"
#include "net/tls_context.h"
#include "office/post_office.h"
#include "os/file_system.h"
#include "queue/spool.h"
#include "serve/pop3_server.h"
#include "serve/poppass_server.h"
#include "serve/queue_runner.h"
#include "serve/smtp_server.h"
#include "store/mailbox_store.h"

namespace sims::app {

namespace asio = boost::asio;

// The certificate of the moment.
class TlsSlot {
public:
    net::TlsContextPointer get() const {
        const std::lock_guard lock(mutex_);
        return context_;
    }
    void set(net::TlsContextPointer context) {
        const std::lock_guard lock(mutex_);
        context_ = std::move(context);
    }

private:
    mutable std::mutex mutex_;
    net::TlsContextPointer context_;
};

enum class Protocol {
    smtp,
    submission,
    submissions,
    pop3,
    pop3_over_tls,
    poppass,
    poppass_over_tls,
    admin,
    admin_local
};

struct Door {
    Protocol protocol;
    std::unique_ptr<net::Listener> listener;
};

struct ServerThreads {
    static constexpr std::size_t disk = 4;     // what blocks on files
    static constexpr std::size_t hashing = 2;  // what burns CPU: passwords
    static constexpr std::size_t admin = 2;    // slow operations keep nobody else waiting
};

struct Server::Parts {
    std::string base;
    StartSettings settings;
    Clock clock;
    std::unique_ptr<Log> log;
    std::unique_ptr<os::FileSystem> files;
    std::unique_ptr<directory::Directory> directory;
    TlsSlot tls;
    std::unique_ptr<store::MailboxStore> store;
    std::unique_ptr<queue::Spool> spool;
    std::unique_ptr<office::PostOffice> office;

    asio::thread_pool disk{ServerThreads::disk};
    asio::thread_pool hashing{ServerThreads::hashing};
    asio::thread_pool administration{ServerThreads::admin};

    std::unique_ptr<admin::Operations> operations;
    std::unique_ptr<admin::HttpServer> http;
    guard::LoginThrottle throttle;  // of every service people log in to
    std::optional<serve::SmtpLogins> logins;
    std::optional<serve::SmtpServices> smtp, submission;
    std::optional<serve::Pop3Services> pop3;
    std::optional<serve::PoppassServices> poppass;

    net::ConnectionsPointer smtp_connections, pop3_connections, poppass_connections, admin_connections;
    std::unique_ptr<net::Reactors> reactors;
    std::unique_ptr<net::Resolver> resolver;
    std::unique_ptr<serve::QueueRunner> runner;
    std::vector<Door> doors;

    std::optional<std::string> first_password;
    TimePoint started{};

    // In this order (parts.cc, doors.cc).
    Result<> open_storage();
    Result<> open_tls();
    Result<> open_office();
    Result<> open_network(Privileges& privileges);
    Result<> open_doors(Privileges& privileges);
    Result<> make_postmaster();

    Result<net::TlsContextPointer> load_certificate(const StartSettings& from) const;
    Result<> open_door(Protocol protocol, const std::string& key, const ListenAddress& address);
    void take(Protocol protocol, asio::io_context& reactor, std::unique_ptr<net::Stream> stream);
    std::vector<admin::Metric> metrics() const;
    std::vector<net::ConnectionsPointer> all_connections() const {
        return {smtp_connections, pop3_connections, poppass_connections, admin_connections};
    }
};

}  // namespace sims::app
