// DNS for mail: validating and caching (libunbound), its descriptor watched by a reactor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "base/log.h"
#include "base/result.h"

namespace sims::net {

namespace asio = boost::asio;

enum class DnsOutcome {
    answer,
    no_data,
    no_such_name,
    failed
};  // failed: SERVFAIL, time-out, bogus: try again later

struct MxRecord {
    std::uint16_t preference;
    std::string host;
};  // host "" is the null MX (RFC 7505)
struct MxAnswer {
    DnsOutcome outcome = DnsOutcome::failed;
    std::vector<MxRecord> records;
    bool secure = false;
    std::string reason;
};
struct AddressAnswer {
    DnsOutcome outcome = DnsOutcome::failed;
    std::vector<std::string> addresses;
    bool secure = false;
    std::string reason;
};
struct TextAnswer {
    DnsOutcome outcome = DnsOutcome::failed;
    std::vector<std::string> texts;
    std::string reason;
};

struct ResolverSettings {
    std::vector<std::string> servers;  // "address:port"; empty: /etc/resolv.conf
};

class Resolver {
public:
    static Result<std::unique_ptr<Resolver>> open(asio::io_context& reactor, const ResolverSettings& settings,
                                                  Log& log);
    virtual ~Resolver() = default;
    // Any thread's coroutine may wait; it resumes on its own executor. Names are lower-case A-labels; names
    // over 255 octets or with labels over 63 are `no_such_name` without asking anybody.
    virtual asio::awaitable<MxAnswer> mx(std::string domain) = 0;
    virtual asio::awaitable<AddressAnswer> addresses(std::string host) = 0;  // AAAA and A together
    virtual asio::awaitable<TextAnswer> text(std::string name) = 0;
};

}  // namespace sims::net
