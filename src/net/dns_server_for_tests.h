// A DNS server on a free UDP port of loopback, in a thread of its own, with a few scripted names. For tests.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sims::net {

class DnsServerForTests {
public:
    DnsServerForTests();
    ~DnsServerForTests();

    std::string address() const;  // "127.0.0.1:PORT"
    void mx(const std::string& name, std::uint16_t preference, const std::string& host);
    void address(const std::string& name, const std::string& text);  // A or AAAA
    void text(const std::string& name, const std::vector<std::string>& strings);
    void fails(const std::string& name);  // SERVFAIL
    // Any other name: NXDOMAIN; another type of a known name: no data.

private:
    struct Record {
        std::uint16_t type;
        std::string rdata;
    };
    void serve();
    std::string answer(std::string_view query);

    int socket_;
    std::mutex mutex_;
    std::map<std::string, std::vector<Record>> records_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace sims::net
