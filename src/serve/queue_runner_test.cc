#include "serve/queue_runner.h"

#include <set>

#include <gtest/gtest.h>

#include "serve/exchangers.h"
#include "serve/relay_fixture.h"

namespace sims::serve {
namespace {

using office::RelayResult;
using queue::DestinationOutcome;

net::MxAnswer records(std::vector<net::MxRecord> list) {
    net::MxAnswer answer;
    answer.outcome = net::DnsOutcome::answer;
    answer.records = std::move(list);
    return answer;
}

std::vector<std::string> hosts(const MailRoute& route) {
    std::vector<std::string> names;
    for (const Exchanger& exchanger : std::get<std::vector<Exchanger>>(route))
        names.push_back(exchanger.host);
    return names;
}

std::string verdict(const MailRoute& route) { return std::get<Unroutable>(route).reply; }

TEST(Exchangers, BestPreferenceFirstAndEqualsShuffled) {
    const auto answer = records({{20, "c.example"}, {10, "a.example"}, {10, "b.example"}});
    std::set<std::string> firsts;
    for (std::uint32_t seed = 0; seed < 40; ++seed) {
        const auto order = hosts(exchangers_of("d.example", answer, "us.example", seed));
        ASSERT_EQ(3U, order.size());
        EXPECT_EQ("c.example", order[2]);
        firsts.insert(order[0]);
    }
    EXPECT_EQ((std::set<std::string>{"a.example", "b.example"}), firsts);
}

TEST(Exchangers, FromOurOwnPreferenceOnNobodyIsAsked) {
    const auto backup =
        records({{10, "a.example"}, {20, "us.example"}, {20, "b.example"}, {30, "c.example"}});
    EXPECT_EQ(std::vector<std::string>{"a.example"},
              hosts(exchangers_of("d.example", backup, "us.example", 1)));
    const auto best = records({{10, "us.example"}, {20, "b.example"}});
    EXPECT_EQ("554 5.4.6 Mail for d.example loops back to this server",
              verdict(exchangers_of("d.example", best, "us.example", 1)));
    net::MxAnswer none;
    none.outcome = net::DnsOutcome::no_data;
    EXPECT_EQ(RelayResult::failed,
              std::get<Unroutable>(exchangers_of("us.example", none, "us.example", 1)).result);
}

TEST(Exchangers, WhatTheDnsMaySay) {
    EXPECT_EQ("556 5.1.10 d.example does not accept mail (null MX)",
              verdict(exchangers_of("d.example", records({{0, ""}}), "us.example", 1)));
    net::MxAnswer answer;
    answer.outcome = net::DnsOutcome::no_data;
    EXPECT_EQ(std::vector<std::string>{"d.example"},
              hosts(exchangers_of("d.example", answer, "us.example", 1)));
    answer.outcome = net::DnsOutcome::no_such_name;
    EXPECT_EQ("550 5.1.2 The domain d.example does not exist",
              verdict(exchangers_of("d.example", answer, "us.example", 1)));
    answer.outcome = net::DnsOutcome::failed;
    answer.reason = "SERVFAIL";
    const auto later = std::get<Unroutable>(exchangers_of("d.example", answer, "us.example", 1));
    EXPECT_EQ(RelayResult::deferred, later.result);
    EXPECT_EQ("451 4.4.3 Looking up d.example: SERVFAIL", later.reply);
}

class QueueRunnerTest : public testing::Test {
protected:
    QueueRunnerTest() : reactors(2), disk(2) {
        std::signal(SIGPIPE, SIG_IGN);
        settings.hostname = "us.example";
        settings.connect_within = std::chrono::seconds(2);
    }
    ~QueueRunnerTest() override {
        if (runner) runner->stop();
        listeners.clear();
        reactors.stop();
    }

    // Sinks answer on 127.0.0.1, 127.0.0.2...; the first chooses the port of all.
    void listen(Sink& sink, const std::string& address) {
        net::ListenerSettings where;
        where.address = address + ":" + std::to_string(port);
        auto connections = std::make_shared<net::Connections>([] { return net::ConnectionLimits(); });
        auto listener = net::Listener::open(reactors, where, connections, log);
        ASSERT_TRUE(listener) << listener.error().text;
        port = net::parse_socket_address((*listener)->address())->port();
        (*listener)->start([this, &sink](asio::io_context& reactor, std::unique_ptr<net::Stream> stream) {
            {
                const std::lock_guard lock(sink.mutex);
                ++sink.connections;
            }
            asio::co_spawn(reactor, serve_sink(std::move(stream), &sink, tls), asio::detached);
        });
        listeners.push_back(std::move(*listener));
    }
    void make_certificate() {
        std::string pattern = testing::TempDir() + "/sims-runner-XXXXXX";
        const std::string folder = ::mkdtemp(pattern.data());
        ASSERT_TRUE(net::make_self_signed("sink.example", folder + "/c.pem", folder + "/k.pem"));
        tls = net::TlsContext::server(folder + "/c.pem", folder + "/k.pem").value();
        std::filesystem::remove_all(folder);
    }
    void add(const std::string& domain, std::vector<std::string> recipients = {"rcpt"},
             const std::string& content = "Subject: x\r\n\r\n.dot\r\n",
             TextContent::Kept kept = TextContent::Kept::in_memory) {
        office::RelayTask task;
        task.assignment.destination = domain;
        task.assignment.id.value = ++last_id;
        task.host = domain;
        task.message.id = task.assignment.id;
        task.message.sender.address = mail::Address::parse("sender@us.example").value();
        for (const std::string& local : recipients) {
            task.assignment.recipients.push_back(task.recipients.size());
            task.recipients.push_back(mail::Address::parse(local + "@rcpt.example").value());
        }
        task.content = std::make_shared<TextContent>(content, kept);
        office.add(std::move(task));
    }
    void run() {
        settings.port = port;
        reactors.start();
        runner = std::make_unique<QueueRunner>(
            QueueRunner::Parts{office, resolver, reactors, disk, net::TlsContext::client().value(), log,
                               [] { return TimePoint(); }},
            settings);
        runner->start();
    }
    std::vector<RelayOffice::Finished> wait_finished(std::size_t count) {
        for (int i = 0; i < 2000 && office.finished().size() < count; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        EXPECT_EQ(count, office.finished().size());
        return office.finished();
    }
    office::RelayOutcome only_outcome() {
        run();
        const auto finished = wait_finished(1);
        if (finished.empty()) return {};
        destination = finished[0].destination;
        return finished[0].outcomes.at(0);
    }

    net::Reactors reactors;
    asio::thread_pool disk;
    NullLog log;
    RelayOffice office;
    TableResolver resolver;
    net::TlsContextPointer tls;
    QueueRunnerSettings settings;
    std::uint16_t port = 0;
    std::uint64_t last_id = 0;
    DestinationOutcome destination = DestinationOutcome::reached;
    std::vector<std::unique_ptr<net::Listener>> listeners;
    std::unique_ptr<QueueRunner> runner;
};

TEST_F(QueueRunnerTest, DeliversByMx) {
    Sink sink;
    listen(sink, "127.0.0.1");
    resolver.mx("d.example", 10, "mx.d.example");
    resolver.hosts["mx.d.example"] = {"127.0.0.1"};
    sink.replies["."] = "250 2.0.0 Taken\r\n";
    add("d.example");
    const auto outcome = only_outcome();
    EXPECT_EQ(RelayResult::delivered, outcome.result) << outcome.reply;
    EXPECT_EQ("mx.d.example [127.0.0.1]", outcome.host);
    EXPECT_EQ("250 2.0.0 Taken", outcome.reply);
    const auto heard = sink.all();
    ASSERT_GE(heard.size(), 5U);
    EXPECT_EQ("EHLO us.example", heard[0]);
    EXPECT_EQ("MAIL FROM:<sender@us.example>", heard[1].substr(0, 29));
    EXPECT_EQ("RCPT TO:<rcpt@rcpt.example>", heard[2]);
    EXPECT_EQ("Subject: x\r\n\r\n..dot", heard[4]);
}

TEST_F(QueueRunnerTest, EachRecipientHasItsOutcome) {
    Sink sink;
    listen(sink, "127.0.0.1");
    sink.replies["RCPT TO:<no@"] = "550 5.1.1 No such user\r\n";
    sink.replies["RCPT TO:<later@"] = "450 4.2.0 Greylisted\r\n";
    add("[127.0.0.1]", {"yes", "no", "later"});
    run();
    const auto finished = wait_finished(1);
    ASSERT_EQ(3U, finished.at(0).outcomes.size());
    EXPECT_EQ(RelayResult::delivered, finished[0].outcomes[0].result);
    EXPECT_EQ(RelayResult::failed, finished[0].outcomes[1].result);
    EXPECT_EQ("550 5.1.1 No such user", finished[0].outcomes[1].reply);
    EXPECT_EQ("[127.0.0.1]", finished[0].outcomes[1].host);
    EXPECT_EQ(RelayResult::deferred, finished[0].outcomes[2].result);
}

TEST_F(QueueRunnerTest, OneConnectionForManyMessages) {
    Sink sink;
    listen(sink, "127.0.0.1");
    settings.connections_max = 1;
    settings.messages_per_connection_max = 4;
    for (int i = 0; i < 10; ++i) add("[127.0.0.1]");
    run();
    for (const auto& finished : wait_finished(10)) {
        EXPECT_EQ(RelayResult::delivered, finished.outcomes[0].result) << finished.outcomes[0].reply;
    }
    const std::lock_guard lock(sink.mutex);
    EXPECT_EQ(3, sink.connections);  // 4 + 4 + 2
}

TEST_F(QueueRunnerTest, AConnectionDroppedBetweenMessagesIsMadeAnew) {
    Sink sink;
    listen(sink, "127.0.0.1");
    sink.messages_per_connection = 1;
    settings.connections_max = 1;
    for (int i = 0; i < 3; ++i) add("[127.0.0.1]");
    run();
    for (const auto& finished : wait_finished(3)) {
        EXPECT_EQ(RelayResult::delivered, finished.outcomes[0].result) << finished.outcomes[0].reply;
    }
}

TEST_F(QueueRunnerTest, ALargeMessageFromDisk) {
    Sink sink;
    listen(sink, "127.0.0.1");
    std::string content = "Subject: large\r\n\r\n", expected = content;
    while (content.size() < 700'000) {
        content += ".a line of the message\r\n";
        expected += "..a line of the message\r\n";
    }
    expected.resize(expected.size() - 2);  // the last CRLF belongs to the end
    add("[127.0.0.1]", {"rcpt"}, content, TextContent::Kept::on_disk);
    EXPECT_EQ(RelayResult::delivered, only_outcome().result);
    EXPECT_TRUE(sink.all().at(4) == expected);
}

TEST_F(QueueRunnerTest, TlsWhenItIsOffered) {
    make_certificate();
    Sink sink;
    sink.tls = Sink::Tls::good;
    listen(sink, "127.0.0.1");
    add("[127.0.0.1]");
    EXPECT_EQ(RelayResult::delivered, only_outcome().result);
    const auto heard = sink.all();
    EXPECT_EQ("STARTTLS", heard.at(1));
    EXPECT_EQ("EHLO us.example", heard.at(2));
}

TEST_F(QueueRunnerTest, WithoutTlsWhenTheHandshakeFails) {
    Sink sink;
    sink.tls = Sink::Tls::broken;
    listen(sink, "127.0.0.1");
    add("[127.0.0.1]");
    const auto outcome = only_outcome();
    EXPECT_EQ(RelayResult::delivered, outcome.result) << outcome.reply;
    EXPECT_EQ(2, sink.connections);
}

TEST_F(QueueRunnerTest, TheNextHostWhenOneIsDownOrBusy) {
    Sink busy, good;
    busy.greeting = "421 4.3.2 Not now\r\n";
    listen(busy, "127.0.0.2");
    listen(good, "127.0.0.3");
    resolver.mx("d.example", 10, "down.d.example");
    resolver.mx("d.example", 20, "busy.d.example");
    resolver.mx("d.example", 30, "gone.d.example");  // no such host
    resolver.mx("d.example", 40, "good.d.example");
    resolver.hosts["down.d.example"] = {"127.0.0.9"};
    resolver.hosts["busy.d.example"] = {"127.0.0.2"};
    resolver.hosts["good.d.example"] = {"127.0.0.3"};
    add("d.example");
    const auto outcome = only_outcome();
    EXPECT_EQ(RelayResult::delivered, outcome.result) << outcome.reply;
    EXPECT_EQ("good.d.example [127.0.0.3]", outcome.host);
    EXPECT_EQ(1, busy.connections);
}

TEST_F(QueueRunnerTest, NobodyAnswers) {
    Sink elsewhere;
    listen(elsewhere, "127.0.0.2");
    resolver.mx("d.example", 10, "down.d.example");
    resolver.mx("d.example", 20, "gone.d.example");
    resolver.hosts["down.d.example"] = {"127.0.0.9"};
    add("d.example");
    const auto outcome = only_outcome();
    EXPECT_EQ(RelayResult::deferred, outcome.result);
    EXPECT_EQ("down.d.example [127.0.0.9]", outcome.host);
    EXPECT_TRUE(outcome.reply.starts_with("421 4.4.1 ")) << outcome.reply;
    EXPECT_EQ(DestinationOutcome::unreachable, destination);
}

TEST_F(QueueRunnerTest, AnUnknownDomainFailsForGood) {
    add("nowhere.example");
    const auto outcome = only_outcome();
    EXPECT_EQ(RelayResult::failed, outcome.result);
    EXPECT_EQ("550 5.1.2 The domain nowhere.example does not exist", outcome.reply);
    EXPECT_EQ(DestinationOutcome::reached, destination);
}

TEST_F(QueueRunnerTest, NeverToOurselves) {
    Sink sink;
    listen(sink, "127.0.0.1");
    settings.own_addresses = {"127.0.0.1"};
    resolver.mx("d.example", 10, "alias.us.example");
    resolver.hosts["alias.us.example"] = {"127.0.0.1"};
    add("d.example");
    const auto outcome = only_outcome();
    EXPECT_EQ(RelayResult::failed, outcome.result);
    EXPECT_EQ("554 5.4.6 Mail for d.example loops back to this server", outcome.reply);
    EXPECT_EQ(0, sink.connections);
}

TEST_F(QueueRunnerTest, StopsBetweenMessages) {
    Sink sink;
    listen(sink, "127.0.0.1");
    run();
    runner->stop();
    // What is being taken from the office at this very moment is still delivered.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    add("[127.0.0.1]");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_TRUE(office.finished().empty());
    EXPECT_EQ(0U, runner->active());
}

}  // namespace
}  // namespace sims::serve
