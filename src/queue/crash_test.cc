// What a crash leaves: random work, cut off at a random moment, and journals cut off at every byte.
#include <deque>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "queue/record.h"
#include "queue/replay.h"
#include "queue/segment_store.h"
#include "queue/spool_harness.h"

namespace sims::queue {
namespace {

// What a caller knows of the spool: what it was promised, and what it asked for since.
class Model {
public:
    Model(Harness& harness, std::uint32_t seed) : harness_(harness), random_(seed) {}

    void work(int steps) {
        for (int i = 0; i < steps; ++i) {
            switch (random_() % 10) {
                case 0:
                case 1:
                case 2:
                case 3: commit(); break;
                case 4:
                case 5: change(Hurry::now); break;
                case 6:
                case 7: change(Hurry::lazily); break;
                case 8: sync_mailbox(); break;
                case 9: note(); break;
            }
        }
    }
    // Handed in, not waited for: a crash may come before, during or after.
    void commit_without_waiting() {
        auto draft = harness_.spool->draft().value();
        const auto id = draft->id();
        const std::string text = text_for(id);
        ASSERT_TRUE(draft->append(text));
        QueuedMessage message;
        message.recipients.push_back(recipient("late@example.net"));
        harness_.spool->commit(std::move(draft), std::move(message), {}, [](Result<>) {});
        unanswered_.emplace(id, text);
    }

    void verify() {
        std::map<QueueId, QueuedMessage> found;
        for (const auto& message : harness_.recovered.messages) {
            EXPECT_TRUE(found.emplace(message.id, message).second) << "twice: " << message.id.text();
        }
        EXPECT_TRUE(harness_.recovered.damage.empty()) << harness_.recovered.damage.front();
        for (const auto& [id, known] : messages_) {
            const auto at = found.find(id);
            if (at == found.end()) {
                EXPECT_TRUE(known.may_be_over()) << "lost: " << id.text();
                continue;
            }
            EXPECT_FALSE(known.is_over()) << "came back: " << id.text();
            EXPECT_EQ(harness_.text_of(id), known.text);
            ASSERT_EQ(at->second.recipients.size(), known.recipients.size());
            for (std::size_t i = 0; i < known.recipients.size(); ++i) {
                EXPECT_TRUE(known.recipients[i].contains(at->second.recipients[i].attempts))
                    << id.text() << " recipient " << i << ": " << at->second.recipients[i].attempts
                    << " instead of " << known.recipients[i].possible.front() << ".."
                    << known.recipients[i].possible.back();
            }
            found.erase(at);
        }
        for (const auto& [id, message] : found) {
            ASSERT_TRUE(unanswered_.contains(id)) << "never handed in: " << id.text();
            EXPECT_EQ(harness_.text_of(id), unanswered_.at(id));
        }
        for (const auto& [mailbox, lengths] : notes_) {
            const auto length = harness_.note_of(mailbox);
            EXPECT_TRUE(lengths.contains(length.value_or(0))) << mailbox << ' ' << length.value_or(0);
        }
    }
    // After a restart what was found is what is.
    void take_over() {
        std::map<QueueId, Known> now;
        for (const auto& message : harness_.recovered.messages) {
            Known known{harness_.text_of(message.id), {}};
            for (const auto& one : message.recipients) known.recipients.push_back({{one.attempts}});
            now.emplace(message.id, known);
        }
        messages_ = std::move(now);
        unanswered_.clear();
        for (auto& [mailbox, lengths] : notes_) {
            latest_[mailbox] = harness_.note_of(mailbox).value_or(0);
            lengths = {latest_[mailbox]};
        }
    }

private:
    enum class Hurry { now, lazily };
    static constexpr std::uint32_t over = 1'000'000;  // attempts of a delivered recipient, in this model

    struct Known {
        std::string text;
        std::vector<std::deque<std::uint32_t>> attempts;
        struct States {
            std::deque<std::uint32_t> possible;
            bool contains(std::uint32_t state) const {
                return std::find(possible.begin(), possible.end(), state) != possible.end();
            }
        };
        std::vector<States> recipients;
        Known(std::string content, std::vector<States> states)
            : text(std::move(content)), recipients(std::move(states)) {}
        bool may_be_over() const {
            return std::all_of(recipients.begin(), recipients.end(),
                               [](const States& states) { return states.contains(over); });
        }
        bool is_over() const {
            return std::all_of(recipients.begin(), recipients.end(),
                               [](const States& states) { return states.possible.front() == over; });
        }
    };

    std::string text_for(QueueId id) {
        const std::size_t longest = random_() % 16 == 0 ? 6000 : 900;
        return id.text() + std::string(random_() % longest, static_cast<char>('a' + random_() % 26));
    }
    std::string a_mailbox() { return "Accounts/" + std::string(1, static_cast<char>('a' + random_() % 5)); }

    // Something was acknowledged: so is everything handed in before.
    void acknowledged() {
        for (auto& [id, known] : messages_) {
            for (auto& states : known.recipients)
                states.possible.erase(states.possible.begin(), states.possible.end() - 1);
        }
        for (auto& [mailbox, lengths] : notes_) lengths = {latest_[mailbox]};
    }
    void commit() {
        auto draft = harness_.spool->draft().value();
        const auto id = draft->id();
        const std::string text = text_for(id);
        ASSERT_TRUE(draft->append(text));
        QueuedMessage message;
        const auto count = 1 + random_() % 3;
        std::vector<Known::States> states;
        for (std::size_t i = 0; i < count; ++i) {
            message.recipients.push_back(recipient("someone" + std::to_string(i) + "@example.net"));
            states.push_back({{0}});
        }
        std::promise<Result<>> answer;
        harness_.spool->commit(std::move(draft), std::move(message), {},
                               [&](Result<> result) { answer.set_value(std::move(result)); });
        ASSERT_TRUE(answer.get_future().get());
        messages_.emplace(id, Known{text, states});
        acknowledged();
    }
    void change(Hurry hurry) {
        if (messages_.empty()) return;
        auto at = std::next(messages_.begin(), static_cast<std::ptrdiff_t>(random_() % messages_.size()));
        Known& known = at->second;
        const std::size_t index = random_() % known.recipients.size();
        auto& possible = known.recipients[index].possible;
        if (possible.back() == over) return;
        Update update{at->first, index, recipient("someone@example.net")};
        update.now.attempts = random_() % 3 == 0 ? possible.back() + 1 : over;
        if (update.now.attempts == over) update.now.state = RecipientState::delivered;
        possible.push_back(update.now.attempts);
        if (hurry == Hurry::lazily) {
            harness_.spool->update_lazily({update});
            return;
        }
        ASSERT_TRUE(harness_.update({update}));
        acknowledged();
    }
    void sync_mailbox() {
        const std::vector<std::string> names{a_mailbox()};
        if (latest_[names[0]] == 0) return;
        latest_[names[0]] = 0;
        notes_[names[0]].insert(0);
        harness_.spool->mailboxes_synced(names);
    }
    void note() {
        const std::string mailbox = a_mailbox();
        latest_[mailbox] = ++length_;
        notes_[mailbox].insert(length_);
        std::promise<Result<>> answer;
        harness_.spool->note({{mailbox, length_, 1}},
                             [&](Result<> result) { answer.set_value(std::move(result)); });
        ASSERT_TRUE(answer.get_future().get());
        acknowledged();
    }

    Harness& harness_;
    std::mt19937 random_;
    std::map<QueueId, Known> messages_;
    std::map<QueueId, std::string> unanswered_;
    std::map<std::string, std::set<std::uint64_t>> notes_;  // what may be found; 0 is none
    std::map<std::string, std::uint64_t> latest_;
    std::uint64_t length_ = 0;
};

TEST(SpoolCrash, WhatWasAcknowledgedIsFoundExactlyOnce) {
    for (std::uint32_t seed = 0; seed < 300 && !::testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        Harness harness;
        Model model(harness, seed);
        for (std::uint32_t life = 0; life < 3; ++life) {
            model.work(20 + static_cast<int>(seed % 40));
            for (std::uint32_t i = 0; i < seed % 4; ++i) model.commit_without_waiting();
            harness.crash(seed * 3 + life);
            model.verify();
            model.take_over();
        }
    }
}

TEST(SpoolCrash, OrderlyRestartsLoseNothingEither) {
    for (std::uint32_t seed = 1000; seed < 1030 && !::testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        Harness harness;
        Model model(harness, seed);
        for (int life = 0; life < 4; ++life) {
            model.work(60);
            harness.reopen();
            model.verify();
            model.take_over();
        }
    }
}

// A journal of one segment and what each of its records says.
struct Journal {
    std::string bytes;
    std::uint64_t generation = 0;
    std::vector<std::uint64_t> ends;
    std::vector<QueueId> ids;
};

Journal make_journal(int messages) {
    Harness harness;
    Journal journal;
    for (int i = 0; i < messages; ++i) {
        journal.ids.push_back(harness.commit("content " + std::to_string(i), {"ann@example.net"}).value());
    }
    harness.spool.reset();
    for (const auto& name : harness.names()) {
        const auto generation = parse_numbered(segment_prefix, name);
        if (!generation) continue;
        const auto bytes = os::read_file(harness.disk, harness.folder + '/' + name, 1 << 20).value();
        if (!find_record(bytes, segment_header_bytes, *generation)) continue;
        journal.bytes = bytes;
        journal.generation = *generation;
    }
    std::uint64_t at = segment_header_bytes;
    while (const auto record = find_record(journal.bytes, at, journal.generation)) {
        at = record->end;
        journal.ends.push_back(at);
    }
    return journal;
}

std::size_t records_before(const Journal& journal, std::size_t cut) {
    std::size_t count = 0;
    while (count < journal.ends.size() && journal.ends[count] <= cut) ++count;
    return count;
}

TEST(SpoolCrash, JournalCutAtEveryByteGivesThePrefix) {
    const Journal journal = make_journal(6);
    ASSERT_EQ(journal.ends.size(), 6U);
    for (const char fill : {'\0', '\xff', 't'}) {
        for (std::size_t cut = segment_header_bytes; cut <= journal.ends.back(); ++cut) {
            std::string bytes = journal.bytes.substr(0, cut);
            if (fill != 't') bytes.resize(journal.bytes.size(), fill);  // else truncated
            const auto whole = records_before(journal, cut);
            Replay replay;
            const auto report = replay.add_segment(journal.generation, bytes);
            // A record may end in zeros that were cut off and filled in again.
            EXPECT_GE(report.records, whole);
            EXPECT_LE(report.records, whole + (fill == '\0' ? 1 : 0));
            for (std::size_t i = 0; i < whole; ++i) EXPECT_TRUE(replay.messages.contains(journal.ids[i]));
            EXPECT_TRUE(report.damage.empty());
        }
    }
}

TEST(SpoolCrash, SpoolOpensOnAJournalCutAtEveryByte) {
    const Journal journal = make_journal(3);
    for (std::size_t cut = 0; cut <= journal.ends.back(); ++cut) {
        Harness harness;
        harness.spool.reset();
        for (const auto& name : harness.names())
            ASSERT_TRUE(harness.disk.remove(harness.folder + '/' + name));
        const std::string path = harness.folder + '/' + numbered_name(segment_prefix, journal.generation);
        ASSERT_TRUE(os::replace_file(harness.disk, path, journal.bytes.substr(0, cut)));
        harness.open();
        const auto whole = cut < segment_header_bytes ? 0 : records_before(journal, cut);
        ASSERT_EQ(harness.recovered.messages.size(), whole) << "cut at " << cut;
        EXPECT_EQ(harness.recovered.damage.empty(), cut >= segment_header_bytes);
        EXPECT_EQ(harness.has_file(os::name_in(path) + ".damaged"), cut < segment_header_bytes);
        for (std::size_t i = 0; i < whole; ++i) {
            EXPECT_EQ(harness.text_of(journal.ids[i]), "content " + std::to_string(i));
        }
        const auto next = harness.commit("next", {"ann@example.net"});
        ASSERT_TRUE(next);
        for (const auto& message : harness.recovered.messages) EXPECT_LT(message.id, *next);
    }
}

TEST(SpoolCrash, RecordsOfAFormerLifeAreNotBelieved) {
    const Journal journal = make_journal(3);
    // The header of the next generation in front of records of this one.
    std::string bytes =
        encode(SegmentHeader{journal.generation + 1, 5, 8192}) + journal.bytes.substr(segment_header_bytes);
    Replay replay;
    const auto report = replay.add_segment(journal.generation + 1, bytes);
    EXPECT_EQ(report.records, 0U);
    EXPECT_TRUE(replay.messages.empty());
    EXPECT_TRUE(report.damage.empty());
}

TEST(SpoolCrash, DamageInTheMiddleIsToldAndKeptAside) {
    const Journal journal = make_journal(3);
    Harness harness;
    harness.spool.reset();
    for (const auto& name : harness.names()) ASSERT_TRUE(harness.disk.remove(harness.folder + '/' + name));
    std::string bytes = journal.bytes;
    bytes[journal.ends[0] + 50] ^= 1;
    const std::string path = harness.folder + '/' + numbered_name(segment_prefix, journal.generation);
    ASSERT_TRUE(os::replace_file(harness.disk, path, bytes));
    harness.open();
    ASSERT_EQ(harness.recovered.messages.size(), 1U);
    ASSERT_EQ(harness.recovered.damage.size(), 1U);
    ASSERT_TRUE(harness.deliver(journal.ids[0], 0));
    harness.wait_until([&] { return harness.has_file(os::name_in(path) + ".damaged"); });
    EXPECT_FALSE(harness.has_file(os::name_in(path)));
}

}  // namespace
}  // namespace sims::queue
