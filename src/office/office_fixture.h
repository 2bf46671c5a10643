// A whole post office for tests: spool and mailboxes on the faulty file system, the directory in a temporary
// folder.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "office/post_office.h"
#include "office/target.h"
#include "os/faulty_file_system.h"

namespace sims::office {

// SIMS_TEST_LOG=1 shows what the office says.
class TestLog final : public Log {
public:
    TestLog() {
        if (std::getenv("SIMS_TEST_LOG") == nullptr) return;
        for (const auto service : {Service::server, Service::smtp, Service::queue})
            set_level(service, LogLevel::all);
    }

protected:
    void write(const LogLine& line) override {
        if (std::getenv("SIMS_TEST_LOG") == nullptr) return;
        std::fprintf(stderr, "%s %.*s\n", std::string(line.id).c_str(), static_cast<int>(line.text.size()),
                     line.text.data());
    }
};

class OfficeFixture : public testing::Test {
protected:
    OfficeFixture() {
        std::string pattern = testing::TempDir() + "/sims-office-XXXXXX";
        folder_ = ::mkdtemp(pattern.data());
        EXPECT_TRUE(files_.make_folder("/base/Queue"));
        // The administrator made the base folder long ago.
        for (const auto* folder : {"/", "/base", "/base/Queue"}) EXPECT_TRUE(files_.sync_folder(folder));
        auto directory = directory::Directory::open(folder_ + "/Directory", "example.org", clock(), log_);
        EXPECT_TRUE(directory) << (directory ? "" : directory.error().text);
        directory_ = std::move(*directory);
    }
    ~OfficeFixture() override {
        close();
        directory_.reset();
        std::filesystem::remove_all(folder_);
    }

    Clock clock() {
        return [this] { return TimePoint(std::chrono::microseconds(now_.fetch_add(1))); };
    }
    void pass(std::chrono::seconds time) { now_ += std::chrono::microseconds(time).count(); }

    void open() {
        auto store = store::MailboxStore::open(files_, "/base", {}, log_);
        ASSERT_TRUE(store) << store.error().text;
        store_ = std::move(*store);
        auto spool = queue::Spool::open(files_, "/base/Queue", spool_limits_, clock(), log_);
        ASSERT_TRUE(spool) << spool.error().text;
        spool_ = std::move(*spool);
        OfficeSettings settings;
        settings.hostname = "mail.example.org";
        settings.checkpoint_interval = checkpoint_interval_;
        auto office =
            PostOffice::open({files_, "/base", *directory_, *store_, *spool_, log_, clock()}, settings);
        ASSERT_TRUE(office) << office.error().text;
        office_ = std::move(*office);
    }
    void close() {
        office_.reset();
        spool_.reset();
        store_.reset();
    }

    void add_account(const std::string& name) {
        if (office_) {
            const auto added = office_->add_account({name, {}}, {});
            ASSERT_TRUE(added) << added.error().text;
        } else {
            ASSERT_TRUE(directory_->add({name, {}}, {}));
        }
    }

    static mail::Address address(std::string_view text) { return *mail::Address::parse(text); }
    static mail::Envelope envelope(std::string_view sender, const std::vector<std::string>& recipients) {
        mail::Envelope envelope;
        if (!sender.empty()) envelope.sender.address = address(sender);
        for (const auto& recipient : recipients) envelope.recipients.push_back({address(recipient)});
        return envelope;
    }
    // What the client would hear.
    Accepted send(const mail::Envelope& envelope, const std::string& content) {
        mail::Peer peer;
        peer.address = "192.0.2.1";
        peer.hello = "client.example";
        auto incoming = office_->receive(peer, envelope);
        if (!incoming) return Refusal{451, incoming.error().text};
        if (auto added = (*incoming)->append(content); !added) return Refusal{451, added.error().text};
        auto promise = std::make_shared<std::promise<Accepted>>();  // with the callback
        auto future = promise->get_future();
        office_->accept(std::move(*incoming),
                        [promise](Accepted accepted) { promise->set_value(std::move(accepted)); });
        return future.get();
    }
    static bool is_accepted(const Accepted& accepted) {
        return std::holds_alternative<queue::QueueId>(accepted);
    }

    // The messages in an account's mailbox as POP3 would give them.
    std::vector<std::string> mailbox(const std::string& name) {
        directory::Account account;
        account.name.name = name;
        std::vector<std::string> messages;
        auto drop = office_->open_maildrop(account);
        EXPECT_TRUE(drop) << (drop ? "" : drop.error().text);
        if (!drop) return messages;
        for (std::size_t i = 0; i < (*drop)->messages().size(); ++i)
            messages.push_back(read_message(**drop, i));
        return messages;
    }
    static std::string read_message(store::Maildrop& drop, std::size_t number);
    void remove_all(const std::string& name) {
        directory::Account account;
        account.name.name = name;
        auto drop = office_->open_maildrop(account);
        ASSERT_TRUE(drop) << drop.error().text;
        std::vector<std::size_t> numbers;
        for (std::size_t i = 0; i < (*drop)->messages().size(); ++i) numbers.push_back(i);
        const auto removed = office_->remove_messages(account, std::move(*drop), numbers);
        ASSERT_TRUE(removed) << removed.error().text;
    }

    std::atomic<std::int64_t> now_{1'795'728'371'000'000};
    TestLog log_;
    std::string folder_;
    os::FaultyFileSystem files_;
    queue::SpoolLimits spool_limits_{
        .segment_bytes = 256 * 1024, .segments_max = 4, .spare_segments = 1, .inline_content_max = 64 * 1024};
    std::chrono::milliseconds checkpoint_interval_{20};
    std::unique_ptr<directory::Directory> directory_;
    std::unique_ptr<store::MailboxStore> store_;
    std::unique_ptr<queue::Spool> spool_;
    std::unique_ptr<PostOffice> office_;
};

}  // namespace sims::office
