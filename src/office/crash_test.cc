// The promise: a message answered 250 is in its mailbox exactly once, or waits in the queue, after any crash.
// A random workload on a file system that forgets what was not synced; every seed is a different power loss.
#include <map>
#include <random>
#include <set>

#include "office/office_fixture.h"

namespace sims::office {
namespace {

// A long run: SIMS_CRASH_SEEDS=100000.
std::uint64_t seeds() {
    const char* asked = std::getenv("SIMS_CRASH_SEEDS");
    return asked == nullptr ? 100 : std::strtoull(asked, nullptr, 10);
}

class Crash : public OfficeFixture {
protected:
    std::string next_letter() {
        ++sent_;
        std::string text = "X-Number: " + std::to_string(sent_) + "\r\nSubject: s\r\n\r\nFrom a to b\r\n";
        text.append(random_() % 3000, 'y');
        return text + "\r\n";
    }
    static int number_in(const std::string& message) {
        const auto at = message.find("X-Number: ");
        return at == std::string::npos ? -1 : std::atoi(message.c_str() + at + 10);
    }
    const std::string& some_account() { return accounts_[random_() % accounts_.size()]; }

    void work() {
        for (int step = 0; step < 40; ++step) {
            switch (random_() % 8) {
                case 0: {
                    const auto account = some_account();
                    take_all(account);
                    break;
                }
                case 1: EXPECT_TRUE(office_->checkpoint()); break;
                default: {
                    std::set<std::string> to;
                    for (std::size_t i = 0; i <= random_() % 2; ++i) to.insert(some_account());
                    std::vector<std::string> recipients;
                    for (const auto& name : to) recipients.push_back(name + "@example.org");
                    const auto text = next_letter();
                    const auto number = sent_;
                    if (is_accepted(send(envelope("a@example.net", recipients), text))) {
                        for (const auto& name : to) promised_[name].insert({number, text});
                    }
                    break;
                }
            }
        }
    }
    // A POP3 client that takes everything and deletes it.
    void take_all(const std::string& account) {
        directory::Account who;
        who.name.name = account;
        auto drop = office_->open_maildrop(who);
        ASSERT_TRUE(drop) << drop.error().text;
        seen_[account].clear();
        std::vector<std::size_t> numbers;
        for (std::size_t i = 0; i < (*drop)->messages().size(); ++i) {
            check_one(account, read_message(**drop, i));
            numbers.push_back(i);
        }
        const auto removed = office_->remove_messages(who, std::move(*drop), numbers);
        ASSERT_TRUE(removed) << removed.error().text;
        for (const auto& [number, text] : seen_[account]) taken_[account].insert(number);
    }
    void check_one(const std::string& account, const std::string& message) {
        const auto number = number_in(message);
        EXPECT_FALSE(taken_[account].contains(number))
            << "seed " << seed_ << ": " << number << " came back to " << account;
        EXPECT_TRUE(seen_[account].emplace(number, message).second)
            << "seed " << seed_ << ": " << number << " twice in " << account;
    }
    void account_for_everything() {
        for (const auto& account : accounts_) {
            seen_[account].clear();
            for (const auto& message : mailbox(account)) check_one(account, message);
            for (const auto& [number, text] : promised_[account]) {
                if (taken_[account].contains(number)) continue;
                const auto found = seen_[account].find(number);
                ASSERT_NE(found, seen_[account].end())
                    << "seed " << seed_ << ": " << number << " lost for " << account;
                EXPECT_EQ(found->second.substr(found->second.size() - text.size()), text);
            }
        }
    }

    std::uint64_t seed_ = 0;
    std::mt19937_64 random_;
    int sent_ = 0;
    std::vector<std::string> accounts_{"ann", "bob", "joe"};
    std::map<std::string, std::map<int, std::string>> promised_;
    std::map<std::string, std::map<int, std::string>> seen_;  // in the mailbox now
    std::map<std::string, std::set<int>> taken_;              // retrieved and deleted: must never come back
};

TEST_F(Crash, EveryPromiseIsKeptOnceAfterEveryPowerLoss) {
    spool_limits_.segment_bytes = 32 * 1024;
    for (const auto& account : accounts_) add_account(account);
    for (seed_ = 1; seed_ <= seeds(); ++seed_) {
        random_.seed(seed_);
        // Checkpoints by hand only on odd seeds, all the time on even ones.
        checkpoint_interval_ = std::chrono::milliseconds(seed_ % 2 == 0 ? 1 : 1'000'000);
        open();
        ASSERT_FALSE(HasFatalFailure());
        work();
        // The end comes at some operation, and nothing works from there on.
        files_.fail({.operation = 1 + random_() % 60,
                     .counted = os::FaultyFileSystem::Counted::mutating,
                     .afterwards = os::FaultyFileSystem::Afterwards::stay_dead});
        for (int i = 0; i < 15 && !files_.has_failed(); ++i) {
            const auto text = next_letter();
            const auto number = sent_;
            const auto name = some_account();
            if (is_accepted(send(envelope("a@example.net", {name + "@example.org"}), text))) {
                promised_[name].insert({number, text});
            }
        }
        files_.fail({.operation = 1,
                     .counted = os::FaultyFileSystem::Counted::all,
                     .afterwards = os::FaultyFileSystem::Afterwards::stay_dead});
        close();
        files_.crash(seed_);
        open();
        ASSERT_FALSE(HasFatalFailure());
        account_for_everything();
        ASSERT_FALSE(HasFailure()) << "seed " << seed_;
        close();
    }
}

}  // namespace
}  // namespace sims::office
