#include "net/resolver.h"

#include <array>
#include <chrono>
#include <list>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>
#include <unbound.h>

#include "base/text.h"
#include "net/background.h"
#include "net/dns_rdata.h"
#include "net/socket_address.h"

namespace sims::net {

namespace {

// A mail server that has no answer after this long tries again later.
constexpr std::chrono::seconds query_time_max{25};
// Of one answer; more is noise or malice.
constexpr std::size_t records_max = 100;
constexpr const char* no_name_reason = "not a name the DNS could know";
constexpr const char* root_key_path = "/usr/share/dns/root.key";

constexpr int class_in = 1;
enum RecordType : int { type_a = 1, type_mx = 15, type_txt = 16, type_aaaa = 28 };

// Small caches: unbound's defaults are a big resolver's.
constexpr std::array<std::pair<const char*, const char*>, 10> memory_options{{
    {"msg-cache-size:", "2m"},
    {"rrset-cache-size:", "4m"},
    {"key-cache-size:", "1m"},
    {"neg-cache-size:", "256k"},
    {"infra-cache-numhosts:", "1000"},
    {"msg-cache-slabs:", "1"},
    {"rrset-cache-slabs:", "1"},
    {"infra-cache-slabs:", "1"},
    {"key-cache-slabs:", "1"},
    {"outgoing-range:", "256"},
}};

// Zones that unbound answers by itself unless told not to; with servers of the administrator's choice, those
// know best. "localhost." stays.
constexpr std::array<const char*, 4> built_in_zones{"test.", "invalid.", "onion.", "home.arpa."};

struct ContextDeleter {
    void operator()(ub_ctx* context) const { ub_ctx_delete(context); }
};
using Context = std::unique_ptr<ub_ctx, ContextDeleter>;

// What an answer says, freed from libunbound.
struct RawAnswer {
    DnsOutcome outcome = DnsOutcome::failed;
    std::vector<std::string> records;  // rdata
    bool secure = false;
    std::string reason;
};
using RawDone = std::function<void(RawAnswer)>;

RawAnswer failed_answer(std::string reason) {
    RawAnswer answer;
    answer.reason = std::move(reason);
    return answer;
}

RawAnswer read_result(int error, const ub_result* result) {
    if (error != 0 || !result) return failed_answer(ub_strerror(error));
    RawAnswer answer;
    answer.secure = result->secure != 0;
    if (result->bogus) {
        const std::string_view why = result->why_bogus ? result->why_bogus : "DNSSEC validation failed";
        answer.reason = printable(why);
    } else if (result->nxdomain) {
        answer.outcome = DnsOutcome::no_such_name;
        answer.reason = "no such domain";
    } else if (result->rcode != 0) {
        answer.reason = fmt::format("the name server answered with error {}", result->rcode);
        if (result->rcode == 2) answer.reason = "the name servers failed or did not answer (SERVFAIL)";
    } else if (!result->havedata) {
        answer.outcome = DnsOutcome::no_data;
        answer.reason = "no such record";
    } else {
        answer.outcome = DnsOutcome::answer;
        for (std::size_t i = 0; result->data[i] && i < records_max; ++i) {
            answer.records.emplace_back(result->data[i], static_cast<std::size_t>(result->len[i]));
        }
    }
    return answer;
}

class UnboundResolver;

struct Query {
    UnboundResolver* resolver;
    std::string name;
    RecordType type;
    RawDone done;
    int id = 0;  // libunbound's
    std::chrono::steady_clock::time_point began{};
    std::list<Query>::iterator self{};
};

// libunbound with a thread of its own for the work. All calls to it are made on one reactor's thread: no
// lock.
class UnboundResolver final : public Resolver {
public:
    UnboundResolver(asio::io_context& reactor, ResolverSettings settings, Log& log)
        : reactor_(reactor),
          settings_(std::move(settings)),
          log_(log),
          descriptor_(reactor),
          timer_(reactor) {}

    ~UnboundResolver() override {
        // The descriptor is libunbound's to close. Waiting coroutines are destroyed with their queries.
        if (descriptor_.is_open()) descriptor_.release();
        context_.reset();
    }

    asio::awaitable<MxAnswer> mx(std::string domain) override;
    asio::awaitable<AddressAnswer> addresses(std::string host) override;
    asio::awaitable<TextAnswer> text(std::string name) override;

private:
    asio::awaitable<RawAnswer> ask(std::string name, RecordType type);
    void begin(std::string name, RecordType type, RawDone done);
    Result<> create_context();
    Result<> configure(ub_ctx* context) const;
    void watch();
    void watch_time();
    void end(Query& query, RawAnswer answer);
    static void on_answer(void* data, int error, ub_result* result);

    asio::io_context& reactor_;
    const ResolverSettings settings_;
    Log& log_;
    Context context_;  // made for the first question: it costs memory and a thread
    std::string broken_;
    asio::posix::stream_descriptor descriptor_;
    asio::steady_timer timer_;
    bool timer_armed_ = false;
    std::list<Query> queries_;  // under way, the oldest first
};

Result<> set(ub_ctx* context, const char* option, const char* value) {
    const int error = ub_ctx_set_option(context, option, value);
    if (error == 0) return {};
    return fail(Fault::io, fmt::format("libunbound option {} {}: {}", option, value, ub_strerror(error)));
}

// "192.0.2.1@53", as libunbound writes servers.
std::optional<std::string> unbound_server(const std::string& text) {
    auto address = parse_socket_address(text);
    if (!address) address = parse_socket_address(text, 53);
    if (!address || address->port() == 0) return std::nullopt;
    return fmt::format("{}@{}", address->host(), address->port());
}

Result<> UnboundResolver::configure(ub_ctx* context) const {
    for (const auto& [option, value] : memory_options) {
        if (auto done = set(context, option, value); !done) return done;
    }
    if (settings_.servers.empty()) {
        // Without either file libunbound asks the root servers itself, and that is well.
        ub_ctx_resolvconf(context, nullptr);
        ub_ctx_hosts(context, nullptr);
        struct stat status {};
        if (::stat(root_key_path, &status) != 0) return {};
        // A forwarder that strips signatures must not stop all mail: without them an answer is insecure.
        if (auto done = set(context, "harden-dnssec-stripped:", "no"); !done) return done;
        ub_ctx_add_ta_file(context, root_key_path);
        return {};
    }
    if (auto done = set(context, "do-not-query-localhost:", "no"); !done) return done;
    if (auto done = set(context, "unblock-lan-zones:", "yes"); !done) return done;
    for (const std::string& server : settings_.servers) {
        const auto text = unbound_server(server);
        const int error = text ? ub_ctx_set_fwd(context, text->c_str()) : UB_SYNTAX;
        if (error != 0)
            return fail(Fault::invalid, fmt::format("DNS server {}: {}", server, ub_strerror(error)));
    }
    // From here on options are closed: these act on the finished configuration.
    for (const char* zone : built_in_zones) ub_ctx_zone_remove(context, zone);
    return {};
}

Result<> UnboundResolver::create_context() {
    Context context(ub_ctx_create());
    if (!context) return fail(Fault::io, "libunbound: out of memory or entropy");
    ub_ctx_async(context.get(), 1);  // a thread, not a fork
    if (auto configured = configure(context.get()); !configured) return configured;
    const int descriptor = ub_fd(context.get());
    if (descriptor < 0) return fail(Fault::io, "libunbound: no descriptor");
    boost::system::error_code error;
    descriptor_.assign(descriptor, error);
    if (error) return fail(Fault::io, "libunbound: " + error.message());
    context_ = std::move(context);
    watch();
    return {};
}

void UnboundResolver::watch() {
    descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                           [this](const boost::system::error_code& error) {
                               if (error) return;
                               ub_process(context_.get());
                               watch();
                           });
}

// One timer for all: each may take as long as the others, so the oldest is first.
void UnboundResolver::watch_time() {
    if (timer_armed_ || queries_.empty()) return;
    timer_armed_ = true;
    timer_.expires_at(queries_.front().began + query_time_max);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        timer_armed_ = false;
        const auto limit = std::chrono::steady_clock::now() - query_time_max;
        while (!queries_.empty() && queries_.front().began <= limit) {
            Query& query = queries_.front();
            ub_cancel(context_.get(), query.id);
            end(query, failed_answer("the name servers did not answer in time"));
        }
        watch_time();
    });
}

void UnboundResolver::begin(std::string name, RecordType type, RawDone done) {
    if (!context_ && broken_.empty()) {
        const auto created = create_context();
        if (!created) {
            broken_ = created.error().text;
            log_.line(LogLevel::failures, Service::server, {}, "dns.unusable", "no DNS: {}", broken_);
        }
    }
    if (!context_) {
        done(failed_answer(broken_));
        return;
    }
    queries_.push_back({this, std::move(name), type, std::move(done)});
    Query& query = queries_.back();
    query.self = std::prev(queries_.end());
    query.began = std::chrono::steady_clock::now();
    const int error =
        ub_resolve_async(context_.get(), query.name.c_str(), type, class_in, &query, on_answer, &query.id);
    if (error != 0) {
        end(query, failed_answer(ub_strerror(error)));
        return;
    }
    watch_time();
}

void UnboundResolver::on_answer(void* data, int error, ub_result* result) {
    Query& query = *static_cast<Query*>(data);
    RawAnswer answer = read_result(error, result);
    if (result) ub_resolve_free(result);
    query.resolver->end(query, std::move(answer));
}

void UnboundResolver::end(Query& query, RawAnswer answer) {
    const RawDone done = std::move(query.done);
    queries_.erase(query.self);
    done(std::move(answer));
}

asio::awaitable<RawAnswer> UnboundResolver::ask(std::string name, RecordType type) {
    if (!is_dns_name(name)) {
        RawAnswer answer;
        answer.outcome = DnsOutcome::no_such_name;
        answer.reason = no_name_reason;
        co_return answer;
    }
    auto start = [this, &name, type](RawDone done) {
        asio::post(reactor_, [this, &name, type, done = std::move(done)]() mutable {
            begin(std::move(name), type, std::move(done));
        });
    };
    co_return co_await wait_for<RawAnswer>(std::move(start));
}

asio::awaitable<MxAnswer> UnboundResolver::mx(std::string domain) {
    const RawAnswer raw = co_await ask(std::move(domain), type_mx);
    MxAnswer answer;
    answer.outcome = raw.outcome;
    answer.secure = raw.secure;
    answer.reason = raw.reason;
    for (const std::string& rdata : raw.records) {
        if (auto record = decode_mx(rdata)) answer.records.push_back(std::move(*record));
    }
    if (raw.outcome == DnsOutcome::answer && answer.records.empty()) {
        answer.outcome = DnsOutcome::failed;
        answer.reason = "the MX records make no sense";
    }
    co_return answer;
}

// The two halves of an address question; both end on the resolver's reactor.
struct Both {
    RawAnswer ipv6, ipv4;
    int missing = 2;
};

void add_addresses(const RawAnswer& raw, std::vector<std::string>& addresses) {
    for (const std::string& rdata : raw.records) {
        if (auto address = decode_address(rdata)) addresses.push_back(std::move(*address));
    }
}

asio::awaitable<AddressAnswer> UnboundResolver::addresses(std::string host) {
    if (!is_dns_name(host)) {
        AddressAnswer unknown;
        unknown.outcome = DnsOutcome::no_such_name;
        unknown.reason = no_name_reason;
        co_return unknown;
    }
    using BothPointer = std::shared_ptr<Both>;  // held by the two questions
    auto start = [this, &host](std::function<void(BothPointer)> done) {
        asio::post(reactor_, [this, &host, done = std::move(done)] {
            auto both = std::make_shared<Both>();
            const auto finish = [both, done] {
                if (--both->missing == 0) done(both);
            };
            begin(host, type_aaaa, [both, finish](RawAnswer answer) {
                both->ipv6 = std::move(answer);
                finish();
            });
            begin(host, type_a, [both, finish](RawAnswer answer) {
                both->ipv4 = std::move(answer);
                finish();
            });
        });
    };
    const BothPointer both = co_await wait_for<BothPointer>(std::move(start));
    const RawAnswer& ipv6 = both->ipv6;
    const RawAnswer& ipv4 = both->ipv4;
    AddressAnswer answer;
    add_addresses(ipv6, answer.addresses);
    add_addresses(ipv4, answer.addresses);
    answer.secure = ipv6.secure && ipv4.secure;
    if (!answer.addresses.empty()) {
        answer.outcome = DnsOutcome::answer;
        co_return answer;
    }
    // No address of one kind says nothing while the other is unknown.
    const RawAnswer* telling = &ipv4;
    if (ipv6.outcome == DnsOutcome::failed) telling = &ipv6;
    answer.outcome = telling->outcome;
    if (answer.outcome == DnsOutcome::answer) answer.outcome = DnsOutcome::no_data;
    answer.reason = telling->reason;
    co_return answer;
}

asio::awaitable<TextAnswer> UnboundResolver::text(std::string name) {
    const RawAnswer raw = co_await ask(std::move(name), type_txt);
    TextAnswer answer;
    answer.outcome = raw.outcome;
    answer.reason = raw.reason;
    for (const std::string& rdata : raw.records) {
        if (auto text = decode_text(rdata)) answer.texts.push_back(std::move(*text));
    }
    co_return answer;
}

}  // namespace

Result<std::unique_ptr<Resolver>> Resolver::open(asio::io_context& reactor, const ResolverSettings& settings,
                                                 Log& log) {
    for (const std::string& server : settings.servers) {
        if (!unbound_server(server)) {
            return fail(Fault::invalid,
                        fmt::format("\"{}\" is not the address:port of a DNS server", server));
        }
    }
    return std::unique_ptr<Resolver>(std::make_unique<UnboundResolver>(reactor, settings, log));
}

}  // namespace sims::net
