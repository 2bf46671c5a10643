#include "net/listener.h"

#include <atomic>
#include <cstdio>
#include <fstream>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "net/connect.h"
#include "net/net_fixture.h"
#include "net/self_signed.h"
#include "net/socket_address.h"
#include "net/tls_context.h"

namespace sims::net {
namespace {

// "hello" at once, then echoes; takes its time over "slow".
asio::awaitable<void> session(std::unique_ptr<Stream> stream, TlsContextPointer tls) {
    stream->expect_within(std::chrono::seconds(60));
    if (tls) {
        const Result<> shaken = co_await stream->accept_tls(*tls);
        if (!shaken) co_return;
    }
    stream->put("hello " + stream->peer_address() + "\n");
    for (;;) {
        const bool flushed = co_await stream->flush();
        if (!flushed) co_return;
        const bool more = co_await stream->fill();
        if (!more) break;
        if (stream->buffered().starts_with("slow"))
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        stream->put(stream->buffered());
        stream->consume(stream->buffered().size());
    }
    if (stream->draining()) stream->put("421 stopping\n");
    co_await stream->flush();
}

class ListenerTest : public NetTest {
protected:
    ListenerTest()
        : connections(std::make_shared<Connections>([this] {
              ConnectionLimits limits;
              limits.total = total;
              limits.per_address = per_address;
              return limits;
          })) {}
    ~ListenerTest() override {
        listener.reset();
        reactors.stop();
    }

    void open(const std::string& address) {
        ListenerSettings settings;
        settings.address = address;
        settings.refusal = "421 full\n";
        auto opened = Listener::open(reactors, settings, connections, log);
        ASSERT_TRUE(opened) << opened.error().text;
        listener = std::move(*opened);
        start();
    }
    void start() {
        listener->start([this](asio::io_context& reactor, std::unique_ptr<Stream> stream) {
            asio::co_spawn(reactor, session(std::move(stream), tls), asio::detached);
        });
    }
    // A blocking client.
    int dial() {
        const auto address = parse_socket_address(listener->address());
        const int descriptor = ::socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
        EXPECT_EQ(0, ::connect(descriptor, address->get(), address->length));
        return descriptor;
    }
    static std::string hear(int descriptor) {
        char buffer[200];
        const ssize_t count = ::recv(descriptor, buffer, sizeof buffer, 0);
        return count > 0 ? std::string(buffer, static_cast<std::size_t>(count)) : std::string();
    }

    std::atomic<std::size_t> total{10'000}, per_address{0};
    NullLog log;
    TlsContextPointer tls;
    ConnectionsPointer connections;
    std::unique_ptr<Listener> listener;
};

TEST_F(ListenerTest, LimitsHoldAndChangeAtRunTime) {
    open("127.0.0.1:0");
    total = 2;
    const int first = dial(), second = dial();
    EXPECT_EQ("hello 127.0.0.1\n", hear(first));
    EXPECT_EQ("hello 127.0.0.1\n", hear(second));
    const int third = dial();
    EXPECT_EQ("421 full\n", hear(third));
    EXPECT_EQ("", hear(third));
    total = 10;
    per_address = 2;
    const int fourth = dial();
    EXPECT_EQ("421 full\n", hear(fourth));
    EXPECT_EQ(2U, connections->counters().current);
    EXPECT_EQ(2U, connections->counters().refused);
    ::close(first);
    EXPECT_TRUE(eventually([this] { return connections->counters().current == 1; }));
    const int fifth = dial();
    EXPECT_EQ("hello 127.0.0.1\n", hear(fifth));
    EXPECT_EQ(3U, connections->counters().accepted);
    for (const int descriptor : {second, third, fourth, fifth}) ::close(descriptor);
}

TEST_F(ListenerTest, BothKindsOfAddressOnOnePort) {
    open("[::]:0");
    const auto bound = parse_socket_address(listener->address());
    const auto ipv4 = parse_socket_address("127.0.0.1", bound->port());
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(0, ::connect(descriptor, ipv4->get(), ipv4->length));
    EXPECT_EQ("hello 127.0.0.1\n", hear(descriptor));
    ::close(descriptor);
}

TEST_F(ListenerTest, ErrorsNameTheAddress) {
    open("127.0.0.1:0");
    ListenerSettings settings;
    settings.address = listener->address();
    const auto taken = Listener::open(reactors, settings, connections, log);
    ASSERT_FALSE(taken);
    EXPECT_NE(std::string::npos, taken.error().text.find(settings.address));
    settings.address = "localhost:25";
    EXPECT_EQ(Fault::invalid, Listener::open(reactors, settings, connections, log).error().fault);
}

TEST_F(ListenerTest, StoppingLetsTheReplyInFlightFinish) {
    open("127.0.0.1:0");
    const int idle = dial(), busy = dial();
    EXPECT_EQ("hello 127.0.0.1\n", hear(idle));
    EXPECT_EQ("hello 127.0.0.1\n", hear(busy));
    ASSERT_EQ(4, ::send(busy, "slow", 4, 0));
    listener->stop();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    connections->drain(reactors);
    EXPECT_EQ("421 stopping\n", hear(idle));
    EXPECT_EQ("", hear(idle));
    std::string heard;
    for (std::string more = hear(busy); !more.empty(); more = hear(busy)) heard += more;
    EXPECT_EQ("slow421 stopping\n", heard);
    EXPECT_TRUE(eventually([this] { return connections->counters().current == 0; }));
    ::close(idle);
    ::close(busy);
}

TEST_F(ListenerTest, PullingThePlug) {
    open("127.0.0.1:0");
    const int client = dial();
    EXPECT_EQ("hello 127.0.0.1\n", hear(client));
    connections->close_all(reactors);
    EXPECT_EQ("", hear(client));
    EXPECT_TRUE(eventually([this] { return connections->counters().current == 0; }));
    ::close(client);
}

TEST_F(ListenerTest, AUnixSocketForItsOwnerOnly) {
    const TemporaryFolder folder;
    ListenerSettings settings;
    settings.address = folder / "control.sock";
    listener = Listener::open_local(reactors, settings, connections, log).value();
    start();
    struct stat status {};
    ASSERT_EQ(0, ::stat(settings.address.c_str(), &status));
    EXPECT_EQ(0600U, status.st_mode & 0777U);
    EXPECT_EQ(Fault::busy, Listener::open_local(reactors, settings, connections, log).error().fault);
    auto dialogue = [](asio::io_context& reactor, std::string path) -> asio::awaitable<std::string> {
        auto stream = co_await connect_local(reactor, path);
        if (!stream) co_return stream.error().text;
        const bool more = co_await (*stream)->fill();
        EXPECT_TRUE(more);
        co_return std::string((*stream)->buffered());
    };
    EXPECT_EQ("hello \n", run(dialogue(reactors.at(0), settings.address)));
    listener.reset();
    EXPECT_FALSE(std::filesystem::exists(settings.address));
}

TEST_F(ListenerTest, AStaleUnixSocketIsReplaced) {
    const TemporaryFolder folder;
    const std::string path = folder / "control.sock";
    const int stale = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    ASSERT_EQ(0, ::bind(stale, reinterpret_cast<const sockaddr*>(&name), sizeof name));
    ::close(stale);
    ListenerSettings settings;
    settings.address = path;
    EXPECT_TRUE(Listener::open_local(reactors, settings, connections, log));
    // What is no socket is not ours to remove.
    std::ofstream(folder / "file") << "precious";
    settings.address = folder / "file";
    EXPECT_FALSE(Listener::open_local(reactors, settings, connections, log));
    EXPECT_TRUE(std::filesystem::exists(folder / "file"));
}

asio::awaitable<Result<std::unique_ptr<Stream>>> dial_to(asio::io_context& reactor, std::string address) {
    const auto parsed = parse_socket_address(address);
    ConnectTarget target(parsed->host(), parsed->port());
    target.within = std::chrono::seconds(2);
    co_return co_await connect(reactor, target);
}

TEST_F(ListenerTest, ConnectSaysWhereItFailed) {
    open("127.0.0.1:0");
    const std::string address = listener->address();
    EXPECT_TRUE(run(dial_to(reactors.at(0), address)));
    listener.reset();
    EXPECT_TRUE(eventually([&] { return !run(dial_to(reactors.at(0), address)); }));
    const auto refused = run(dial_to(reactors.at(0), address));
    ASSERT_FALSE(refused);
    EXPECT_EQ(Fault::unavailable, refused.error().fault);
    EXPECT_NE(std::string::npos, refused.error().text.find(address));
}

// Of this process, in KiB.
std::size_t resident_kilobytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t total = 0, resident = 0;
    statm >> total >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

asio::awaitable<void> greet_and_wait(asio::io_context& reactor, std::string address, TlsContextPointer tls,
                                     std::atomic<int>& greeted) {
    auto stream = co_await dial_to(reactor, address);
    if (!stream) co_return;
    (*stream)->expect_within(std::chrono::seconds(60));
    if (tls) {
        const Result<> shaken = co_await (*stream)->connect_tls(*tls, "mail.example.org");
        if (!shaken) co_return;
    }
    const bool more = co_await (*stream)->fill();
    if (more) ++greeted;
    (*stream)->consume((*stream)->buffered().size());
    co_await (*stream)->fill();
}

// Both ends are in this process, so the figures are for two streams and two sessions each.
class Idle : public ListenerTest {
protected:
    void hold(int count, const char* kind, TlsContextPointer client_tls) {
        rlimit files{};
        ::getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = files.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &files);
        open("127.0.0.1:0");
        std::atomic<int> greeted{0};
        const std::size_t before = resident_kilobytes();
        for (int i = 0; i < count; ++i) {
            asio::io_context& reactor = reactors.next();
            asio::co_spawn(reactor, greet_and_wait(reactor, listener->address(), client_tls, greeted),
                           asio::detached);
        }
        EXPECT_TRUE(eventually([&] { return greeted == count; })) << greeted;
        std::printf("%d idle %s connections: %.1f KiB a pair of ends\n", count, kind,
                    static_cast<double>(resident_kilobytes() - before) / count);
        connections->drain(reactors);
        EXPECT_TRUE(eventually([&] { return connections->counters().current == 0; }));
    }
};

TEST_F(Idle, ManyPlainConnections) { hold(2000, "plain", nullptr); }

TEST_F(Idle, ManyTlsConnections) {
    const TemporaryFolder folder;
    ASSERT_TRUE(make_self_signed("mail.example.org", folder / "c.pem", folder / "k.pem"));
    tls = TlsContext::server(folder / "c.pem", folder / "k.pem").value();
    hold(500, "TLS", TlsContext::client().value());
}

}  // namespace
}  // namespace sims::net
