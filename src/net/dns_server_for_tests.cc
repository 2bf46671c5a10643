#include "net/dns_server_for_tests.h"

#include <arpa/inet.h>
#include <array>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/text.h"
#include "net/socket_address.h"

namespace sims::net {

namespace {

constexpr std::uint16_t servfail_mark = 0;

void put16(std::string& out, unsigned value) {
    out.push_back(static_cast<char>(value >> 8 & 0xff));
    out.push_back(static_cast<char>(value & 0xff));
}

std::string wire_name(std::string_view name) {
    std::string wire;
    for (const std::string_view label : split(name, '.')) {
        if (label.empty()) continue;
        wire.push_back(static_cast<char>(label.size()));
        wire.append(label);
    }
    wire.push_back('\0');
    return wire;
}

unsigned get16(std::string_view bytes, std::size_t at) {
    return static_cast<unsigned>(static_cast<unsigned char>(bytes[at]) << 8 |
                                 static_cast<unsigned char>(bytes[at + 1]));
}

}  // namespace

DnsServerForTests::DnsServerForTests() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const auto any = parse_socket_address("127.0.0.1:0");
    check(::bind(socket_, any->get(), any->length) == 0, "no UDP port on loopback");
    thread_ = std::thread([this] { serve(); });
}

DnsServerForTests::~DnsServerForTests() {
    stop_ = true;
    thread_.join();
    ::close(socket_);
}

std::string DnsServerForTests::address() const { return local_of(socket_).text(); }

void DnsServerForTests::mx(const std::string& name, std::uint16_t preference, const std::string& host) {
    std::string rdata;
    put16(rdata, preference);
    rdata += wire_name(host);
    const std::lock_guard lock(mutex_);
    records_[name].push_back({15, rdata});
}

void DnsServerForTests::address(const std::string& name, const std::string& text) {
    std::array<char, 16> bytes{};
    const bool ipv4 = ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1;
    if (!ipv4) check(::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1, "not an address");
    const std::lock_guard lock(mutex_);
    if (ipv4) {
        records_[name].push_back({1, std::string(bytes.data(), 4)});
    } else {
        records_[name].push_back({28, std::string(bytes.data(), 16)});
    }
}

void DnsServerForTests::text(const std::string& name, const std::vector<std::string>& strings) {
    std::string rdata;
    for (const std::string& string : strings) {
        rdata.push_back(static_cast<char>(string.size()));
        rdata += string;
    }
    const std::lock_guard lock(mutex_);
    records_[name].push_back({16, rdata});
}

void DnsServerForTests::fails(const std::string& name) {
    const std::lock_guard lock(mutex_);
    records_[name].push_back({servfail_mark, {}});
}

void DnsServerForTests::serve() {
    while (!stop_) {
        pollfd ready{socket_, POLLIN, 0};
        if (::poll(&ready, 1, 20) <= 0) continue;
        std::array<char, 4096> buffer;
        SocketAddress from;
        from.length = sizeof from.storage;
        const ssize_t count = ::recvfrom(socket_, buffer.data(), buffer.size(), 0,
                                         reinterpret_cast<sockaddr*>(&from.storage), &from.length);
        if (count < 17) continue;
        const std::string reply = answer({buffer.data(), static_cast<std::size_t>(count)});
        ::sendto(socket_, reply.data(), reply.size(), 0, from.get(), from.length);
    }
}

std::string DnsServerForTests::answer(std::string_view query) {
    std::string name;
    std::size_t at = 12;
    while (at < query.size() && query[at] != 0) {
        const auto length = static_cast<std::size_t>(query[at]);
        if (!name.empty()) name += '.';
        name += lower(query.substr(at + 1, length));
        at += length + 1;
    }
    const unsigned type = get16(query, at + 1);
    std::vector<Record> records;
    unsigned rcode = 3;
    {
        const std::lock_guard lock(mutex_);
        const auto found = records_.find(name);
        if (found != records_.end()) {
            records = found->second;
            rcode = 0;
        }
    }
    std::string answers;
    unsigned count = 0;
    for (const Record& record : records) {
        if (record.type == servfail_mark) rcode = 2;
        if (record.type != type) continue;
        ++count;
        put16(answers, 0xc00c);  // the name in the question
        put16(answers, type);
        put16(answers, 1);
        put16(answers, 0);
        put16(answers, 300);
        put16(answers, static_cast<unsigned>(record.rdata.size()));
        answers += record.rdata;
    }
    std::string reply(query.substr(0, 2));
    put16(reply, 0x8180 | rcode);  // a response, recursion desired and available
    put16(reply, 1);
    put16(reply, count);
    put16(reply, 0);
    put16(reply, 0);
    reply += query.substr(12, at + 5 - 12);
    return reply + answers;
}

}  // namespace sims::net
