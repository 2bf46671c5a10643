#include <array>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "net/connect.h"
#include "net/input_buffer.h"
#include "net/listener.h"
#include "net/net_fixture.h"
#include "net/self_signed.h"
#include "net/socket_address.h"
#include "net/socket_stream.h"
#include "net/tls_context.h"

namespace sims::net {
namespace {

// Lines come back; "TLS" makes it a TLS session; "BYE" ends it.
asio::awaitable<void> echo(std::unique_ptr<Stream> stream, TlsContextPointer tls) {
    stream->expect_within(std::chrono::seconds(20));
    for (;;) {
        const std::size_t end = stream->buffered().find('\n');
        if (end == std::string_view::npos) {
            const bool flushed = co_await stream->flush();
            if (!flushed) co_return;
            const bool more = co_await stream->fill();
            if (!more) break;
            continue;
        }
        const std::string line(stream->buffered().substr(0, end + 1));
        stream->consume(end + 1);
        if (line == "BYE\n") break;
        stream->put(line);
        if (line == "TLS\n") {
            const Result<> shaken = co_await stream->accept_tls(*tls);
            if (!shaken) co_return;
        }
    }
    if (stream->draining()) stream->put("421 stopping\n");
    if (stream->timed_out()) stream->put("421 too slow\n");
    co_await stream->flush();
    stream->close();
}

// One line, or what came before the end.
asio::awaitable<std::string> read_line(Stream& stream) {
    for (;;) {
        const std::size_t end = stream.buffered().find('\n');
        if (end != std::string_view::npos) {
            std::string line(stream.buffered().substr(0, end + 1));
            stream.consume(end + 1);
            co_return line;
        }
        const bool more = co_await stream.fill();
        if (!more) co_return std::string(stream.buffered());
    }
}

class StreamTest : public NetTest {
protected:
    StreamTest() {
        EXPECT_TRUE(make_self_signed("mail.example.org", folder / "c.pem", folder / "k.pem"));
        server_tls = TlsContext::server(folder / "c.pem", folder / "k.pem").value();
        client_tls = TlsContext::client().value();
    }

    std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> pair() {
        std::array<int, 2> ends{};
        EXPECT_EQ(0, ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()));
        return {adopt_socket(reactors.at(0), ends[0]), adopt_socket(reactors.at(0), ends[1])};
    }
    std::unique_ptr<Stream> to_echo() {
        auto [ours, theirs] = pair();
        asio::co_spawn(reactors.at(0), echo(std::move(theirs), server_tls), asio::detached);
        return std::move(ours);
    }

    TemporaryFolder folder;
    TlsContextPointer server_tls, client_tls;
};

asio::awaitable<void> plain_dialogue(std::unique_ptr<Stream> stream) {
    stream->put("one\ntwo\n");
    EXPECT_TRUE(co_await stream->flush());
    EXPECT_EQ("one\n", co_await read_line(*stream));
    EXPECT_EQ("two\n", co_await read_line(*stream));
    EXPECT_FALSE(stream->is_tls());
    EXPECT_EQ("", stream->tls_description());
    stream->put("BYE\n");
    EXPECT_TRUE(co_await stream->flush());
    EXPECT_FALSE(co_await stream->fill());
    EXPECT_FALSE(stream->timed_out());
}

TEST_F(StreamTest, LinesComeBack) { run(plain_dialogue(to_echo())); }

asio::awaitable<void> large_dialogue(std::unique_ptr<Stream> stream, TlsContextPointer tls) {
    if (tls) {
        stream->put("TLS\n");
        EXPECT_TRUE(co_await stream->flush());
        EXPECT_EQ("TLS\n", co_await read_line(*stream));
        EXPECT_TRUE(co_await stream->connect_tls(*tls, "mail.example.org"));
        EXPECT_NE(std::string::npos, stream->tls_description().find("TLSv1.3"));
    }
    std::string line(50'000, 'x');
    line.back() = '\n';
    for (int i = 0; i < 40; ++i) {
        line[static_cast<std::size_t>(i)] = static_cast<char>('a' + i % 26);
        stream->put(line);
        EXPECT_TRUE(co_await stream->flush());
        EXPECT_TRUE(line == co_await read_line(*stream));
    }
}

TEST_F(StreamTest, LongLinesComeBackWhole) { run(large_dialogue(to_echo(), nullptr)); }
TEST_F(StreamTest, LongLinesComeBackWholeUnderTls) { run(large_dialogue(to_echo(), client_tls)); }

asio::awaitable<void> send_much(std::unique_ptr<Stream> stream, std::size_t bytes) {
    while (bytes > 0) {
        const std::size_t piece = std::min<std::size_t>(bytes, 100'000);
        stream->output().append(piece, 'z');
        bytes -= piece;
        if (!stream->output_is_large()) continue;
        const bool flushed = co_await stream->flush();
        if (!flushed) co_return;
    }
    co_await stream->flush();
}

asio::awaitable<std::size_t> count_all(std::unique_ptr<Stream> stream) {
    std::size_t total = 0;
    for (;;) {
        const bool more = co_await stream->fill();
        if (!more) co_return total;
        total += stream->buffered().size();
        stream->consume(stream->buffered().size());
    }
}

TEST_F(StreamTest, AWriterWaitsForASlowReader) {
    auto [ours, theirs] = pair();
    asio::co_spawn(reactors.at(0), send_much(std::move(theirs), 5'000'000), asio::detached);
    EXPECT_EQ(5'000'000U, run(count_all(std::move(ours))));
}

// The client slips a command in behind STARTTLS, in the same packet.
asio::awaitable<void> inject(std::unique_ptr<Stream> stream, TlsContextPointer tls) {
    stream->put("TLS\nINJECTED\n");
    EXPECT_TRUE(co_await stream->flush());
    EXPECT_EQ("TLS\n", co_await read_line(*stream));
    EXPECT_TRUE(co_await stream->connect_tls(*tls, "mail.example.org"));
    stream->put("mine\n");
    EXPECT_TRUE(co_await stream->flush());
    EXPECT_EQ("mine\n", co_await read_line(*stream));
}

TEST_F(StreamTest, PlainTextBeforeTheHandshakeIsDropped) { run(inject(to_echo(), client_tls)); }

// The server slips a reply in before the handshake.
asio::awaitable<void> injecting_server(std::unique_ptr<Stream> stream, TlsContextPointer tls) {
    stream->put("go ahead\nINJECTED\n");
    const Result<> shaken = co_await stream->accept_tls(*tls);
    if (!shaken) co_return;
    stream->put("mine\n");
    co_await stream->flush();
}
asio::awaitable<void> careful_client(std::unique_ptr<Stream> stream, TlsContextPointer tls) {
    EXPECT_EQ("go ahead\n", co_await read_line(*stream));
    EXPECT_TRUE(co_await stream->connect_tls(*tls, ""));
    EXPECT_EQ("mine\n", co_await read_line(*stream));
}

TEST_F(StreamTest, TheClientDropsPlainTextToo) {
    auto [ours, theirs] = pair();
    asio::co_spawn(reactors.at(0), injecting_server(std::move(theirs), server_tls), asio::detached);
    run(careful_client(std::move(ours), client_tls));
}

asio::awaitable<void> nonsense(std::unique_ptr<Stream> stream) {
    stream->put("TLS\n");
    EXPECT_TRUE(co_await stream->flush());
    EXPECT_EQ("TLS\n", co_await read_line(*stream));
    stream->put("EHLO this is no handshake\r\n");
    EXPECT_TRUE(co_await stream->flush());
    while (co_await stream->fill()) stream->consume(stream->buffered().size());
}

TEST_F(StreamTest, AFailedHandshakeEndsTheConnection) { run(nonsense(to_echo())); }

asio::awaitable<Result<>> accept_only(std::unique_ptr<Stream> stream, TlsContextPointer tls) {
    stream->expect_within(std::chrono::seconds(1));
    co_return co_await stream->accept_tls(*tls);
}

TEST_F(StreamTest, ASilentPeerEndsTheHandshake) {
    auto [ours, theirs] = pair();
    const Result<> shaken = run(accept_only(std::move(theirs), server_tls));
    ASSERT_FALSE(shaken);
    EXPECT_EQ(Fault::unavailable, shaken.error().fault);
    EXPECT_NE(std::string::npos, shaken.error().text.find("timed out"));
}

asio::awaitable<void> be_silent(std::unique_ptr<Stream> theirs, std::unique_ptr<Stream> ours) {
    theirs->expect_within(std::chrono::seconds(5));
    theirs->expect_within(std::chrono::seconds(1));  // sooner: the timer has to be armed again
    EXPECT_FALSE(co_await theirs->fill());
    EXPECT_TRUE(theirs->timed_out());
    theirs->put("too slow\n");
    EXPECT_TRUE(co_await theirs->flush());
    EXPECT_FALSE(co_await theirs->fill());
    theirs.reset();
    EXPECT_EQ("too slow\n", co_await read_line(*ours));
}

TEST_F(StreamTest, TheWatchdogEndsASilentConnection) {
    auto [ours, theirs] = pair();
    run(be_silent(std::move(theirs), std::move(ours)));
}

asio::awaitable<void> stay_alive(std::unique_ptr<Stream> a, std::unique_ptr<Stream> b) {
    a->expect_within(std::chrono::seconds(1));
    a->expect_within(std::chrono::seconds(4));  // later: found when the timer fires
    b->expect_within(std::chrono::seconds(2));
    EXPECT_FALSE(co_await b->fill());
    EXPECT_TRUE(b->timed_out());
    EXPECT_FALSE(a->timed_out());
    b->put("still there\n");
    EXPECT_TRUE(co_await b->flush());
    EXPECT_EQ("still there\n", co_await read_line(*a));
}

TEST_F(StreamTest, ALaterDeadlineKeepsItOpen) {
    auto [a, b] = pair();
    run(stay_alive(std::move(a), std::move(b)));
}

TEST(InputBuffer, KeepsEveryByteInOrder) {
    EXPECT_TRUE(
        rc::check("whatever is read, consumed and shrunk", [](const std::vector<std::uint8_t>& steps) {
            InputBuffer buffer;
            std::string model;
            char next = 0;
            for (const std::uint8_t step : steps) {
                if (step % 3 == 0 && model.size() < InputBuffer::bytes_max) {
                    const std::span<char> room = buffer.room();
                    RC_ASSERT(!room.empty());
                    const std::size_t count = std::min<std::size_t>(room.size(), std::size_t{step} * 131U);
                    for (std::size_t i = 0; i < count; ++i) model.push_back(room[i] = next++);
                    buffer.arrived(count);
                } else if (step % 3 == 1) {
                    const std::size_t count = std::min<std::size_t>(model.size(), std::size_t{step} * 67U);
                    buffer.consume(count);
                    model.erase(0, count);
                } else {
                    buffer.shrink();
                }
                RC_ASSERT(buffer.bytes() == model);
            }
        }));
}

TEST(SocketAddress, ReadsWhatItWrites) {
    for (const char* text : {"127.0.0.1:25", "[::]:25", "[::1]:0", "255.1.2.3:65535", "[2001:db8::1]:587"}) {
        const auto address = parse_socket_address(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(text, address->text());
    }
    for (const char* text : {"", "25", "127.0.0.1", ":25", "::1:25", "[127.0.0.1]:25", "127.0.0.1:65536",
                             "127.0.0.1:-1", "127.0.0.1:", "localhost:25", "[::1:25", "127.0.0.1:2 5"}) {
        EXPECT_FALSE(parse_socket_address(text)) << text;
    }
    EXPECT_EQ("192.0.2.1", parse_socket_address("::ffff:192.0.2.1", 1)->host());
}

TEST_F(StreamTest, CertificateFilesAreJudgedWithTheirNames) {
    const auto missing = TlsContext::server(folder / "none.pem", folder / "k.pem");
    ASSERT_FALSE(missing);
    EXPECT_NE(std::string::npos, missing.error().text.find("none.pem"));
    EXPECT_TRUE(make_self_signed("other.example.org", folder / "c2.pem", folder / "k2.pem"));
    const auto strangers = TlsContext::server(folder / "c.pem", folder / "k2.pem");
    ASSERT_FALSE(strangers);
    EXPECT_NE(std::string::npos, strangers.error().text.find("k2.pem"));
    EXPECT_FALSE(make_self_signed("evil,DNS:example.com", folder / "c3.pem", folder / "k3.pem"));
    const auto mode = std::filesystem::status(folder / "k.pem").permissions();
    EXPECT_EQ(std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, mode);
}

}  // namespace
}  // namespace sims::net
