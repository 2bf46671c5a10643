// Every operation fails once, and the power fails everywhere: nothing is lost, doubled or half there.
#include <algorithm>
#include <map>

#include "store/store_fixture.h"
#include "store/tail_mender.h"

namespace sims::store {
namespace {

using Texts = std::vector<std::string>;
using os::FaultyFileSystem;
const MailboxPath joe{"Accounts/joe"};

struct Disk {
    FaultyFileSystem files;
    StoreFixture fixture{files, "/base"};
    Disk() {
        EXPECT_TRUE(files.make_folder("/base"));
        EXPECT_TRUE(files.sync_folder("/"));
        fixture.open();
    }
};

Texts received_letters(std::initializer_list<int> numbers) {
    Texts all;
    for (const int number : numbers) all.push_back(received(letter(number)));
    return all;
}

TEST(MailboxFailures, AppendIsWholeOrNotThere) {
    for (const auto counted : {FaultyFileSystem::Counted::mutating, FaultyFileSystem::Counted::all}) {
        for (std::uint64_t n = 1;; ++n) {
            Disk disk;
            ASSERT_TRUE(disk.fixture.append({letter(1)}));
            disk.files.fail({.operation = n, .counted = counted});
            const bool done = disk.fixture.append({letter(2), letter(3)}).has_value();
            const bool failed = disk.files.has_failed();
            disk.files.heal();
            const auto expected = done ? received_letters({1, 2, 3}) : received_letters({1});
            ASSERT_EQ(disk.fixture.texts(), expected) << n;
            ASSERT_TRUE(disk.fixture.append({letter(4)})) << n;
            ASSERT_EQ(disk.fixture.texts().size(), expected.size() + 1);
            disk.fixture.expect_sound();
            if (!failed) break;
        }
    }
}

TEST(MailboxFailures, AFullDiskLeavesNothingBehind) {
    for (std::uint64_t room = 0; room < 3 * render(letter(1)).size(); room += 5) {
        Disk disk;
        ASSERT_TRUE(disk.fixture.append({letter(1)}));
        const std::uint64_t used = UINT32_MAX - [&] {
            disk.files.set_capacity(UINT32_MAX);
            return *disk.files.free_bytes("/");
        }();
        disk.files.set_capacity(used + room);
        const auto done = disk.fixture.append({letter(2), letter(3)});
        if (!done) {
            EXPECT_EQ(done.error().fault, Fault::no_space);
        }
        ASSERT_EQ(disk.fixture.texts(), done ? received_letters({1, 2, 3}) : received_letters({1})) << room;
        // There is always room to delete.
        ASSERT_TRUE(
            disk.fixture.remove(done ? std::vector<std::size_t>{0, 1, 2} : std::vector<std::size_t>{0}));
    }
}

TEST(MailboxFailures, RemovalIsWholeOrNotDone) {
    for (const std::vector<std::size_t>& numbers :
         {std::vector<std::size_t>{0}, std::vector<std::size_t>{2}, std::vector<std::size_t>{0, 1, 2}}) {
        Texts left;
        for (std::size_t i = 0; i < 3; ++i) {
            if (std::count(numbers.begin(), numbers.end(), i) == 0) {
                left.push_back(received(letter(static_cast<int>(i))));
            }
        }
        for (std::uint64_t n = 1;; ++n) {
            Disk disk;
            ASSERT_TRUE(disk.fixture.append({letter(0), letter(1), letter(2)}));
            const auto all = disk.fixture.texts();
            auto drop = *disk.fixture.store().open_maildrop(joe);
            disk.files.fail({.operation = n, .counted = FaultyFileSystem::Counted::all});
            const bool done = disk.fixture.store().remove_messages(std::move(drop), numbers).has_value();
            const bool failed = disk.files.has_failed();
            disk.files.heal();
            const auto now = disk.fixture.texts();
            ASSERT_TRUE(now == left || (!done && now == all)) << n;
            ASSERT_TRUE(disk.fixture.append({letter(4)}));
            ASSERT_EQ(disk.fixture.texts().size(), now.size() + 1)
                << n << testing::PrintToString(disk.fixture.texts());
            disk.fixture.expect_sound();
            ASSERT_TRUE(disk.fixture.store().sync(joe)) << n;
            disk.fixture.close();
            disk.files.crash(n);
            disk.fixture.open();
            ASSERT_EQ(disk.fixture.texts().size(), now.size() + 1) << n;
            ASSERT_EQ(disk.files.list("/base/Accounts")->size(), 1U);
            if (!failed) break;
        }
    }
}

TEST(MailboxFailures, SyncFailsUntilItHolds) {
    for (std::uint64_t n = 1;; ++n) {
        Disk disk;
        ASSERT_TRUE(disk.fixture.append({letter(1)}));
        disk.files.fail({.operation = n, .counted = FaultyFileSystem::Counted::all});
        const bool done = disk.fixture.store().sync(joe).has_value();
        if (!disk.files.has_failed()) break;
        disk.files.heal();
        if (!done) {
            EXPECT_FALSE(disk.fixture.store().dirty().empty());
            ASSERT_TRUE(disk.fixture.store().sync(joe));
        }
        EXPECT_TRUE(disk.fixture.store().dirty().empty());
        disk.files.crash(n);
        disk.fixture.open();
        EXPECT_EQ(disk.fixture.texts(), received_letters({1}));
    }
}

// The power fails in the middle of something; what was synced is there, and recovery makes the rest so.
TEST(MailboxCrash, RecoveryMakesEachMessageBeThereOnce) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        Disk disk;
        ASSERT_TRUE(disk.fixture.append({letter(1), letter(2)}));
        ASSERT_TRUE(disk.fixture.store().sync(joe));
        const auto clean = **disk.fixture.store().clean_length(joe);
        Texts rendered;
        for (int i = 3; i < 7; ++i) {
            rendered.push_back(
                render(letter(i, std::string(static_cast<std::size_t>(i) * 20, 'a') + "\r\n")));
        }
        // A failed append, a batch, one more; each perhaps cut short by the end of power.
        disk.files.fail({.operation = 2, .error_number = 28});
        const std::vector<std::string_view> pieces(rendered.begin(), rendered.end());
        (void)disk.fixture.store().append(joe, std::span(pieces).subspan(1, 3));
        disk.files.fail({.operation = 1 + seed % 9, .afterwards = FaultyFileSystem::Afterwards::stay_dead});
        (void)disk.fixture.store().append(joe, std::span(pieces).subspan(0, 1));
        (void)disk.fixture.store().append(joe, std::span(pieces).subspan(1, 2));
        (void)disk.fixture.store().append(joe, std::span(pieces).subspan(3, 1));
        disk.fixture.close();
        disk.files.crash(seed);
        disk.fixture.open();
        auto appended = disk.fixture.store().recover(joe, clean, pieces);
        ASSERT_TRUE(appended.has_value()) << appended.error().text;
        auto expected = received_letters({1, 2});
        for (int i = 3; i < 7; ++i) {
            expected.push_back(
                received(letter(i, std::string(static_cast<std::size_t>(i) * 20, 'a') + "\r\n")));
        }
        auto now = disk.fixture.texts();
        EXPECT_EQ(Texts(now.begin(), now.begin() + 2), received_letters({1, 2}));
        std::sort(now.begin(), now.end());
        std::sort(expected.begin(), expected.end());
        ASSERT_EQ(now, expected) << seed;
        disk.fixture.expect_sound();
        // Again changes nothing, and it is durable.
        ASSERT_EQ(*disk.fixture.store().recover(joe, clean, pieces), 0U);
        disk.fixture.close();
        disk.files.crash(seed + 1);
        disk.fixture.open();
        now = disk.fixture.texts();
        std::sort(now.begin(), now.end());
        ASSERT_EQ(now, expected);
    }
}

TEST(MailboxCrash, RemovalLeavesTheOldOrTheNewFile) {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        const std::vector<std::size_t> numbers =
            seed % 3 == 0 ? std::vector<std::size_t>{0, 1, 2}
                          : std::vector<std::size_t>{seed % 3 == 1 ? std::size_t{0} : std::size_t{2}};
        Disk disk;
        ASSERT_TRUE(disk.fixture.append({letter(0), letter(1), letter(2)}));
        ASSERT_TRUE(disk.fixture.store().sync(joe));
        const auto all = disk.fixture.texts();
        Texts left;
        for (std::size_t i = 0; i < 3; ++i) {
            if (std::count(numbers.begin(), numbers.end(), i) == 0) left.push_back(all[i]);
        }
        auto drop = *disk.fixture.store().open_maildrop(joe);
        disk.files.fail({.operation = 1 + seed % 11, .afterwards = FaultyFileSystem::Afterwards::stay_dead});
        const bool done = disk.fixture.store().remove_messages(std::move(drop), numbers).has_value();
        disk.fixture.close();
        disk.files.crash(seed);
        disk.fixture.open();
        const auto now = disk.fixture.texts();
        ASSERT_TRUE(now == left || (!done && now == all)) << seed << testing::PrintToString(now);
        ASSERT_EQ(disk.files.list("/base/Accounts")->size(), 1U) << seed;
    }
}

TEST(MailboxCrash, RecoveryKeepsForeignMail) {
    Disk disk;
    ASSERT_TRUE(disk.fixture.append({letter(1)}));
    ASSERT_TRUE(disk.fixture.store().sync(joe));
    const auto clean = **disk.fixture.store().clean_length(joe);
    const std::string two = render(letter(2));
    const std::string three = render(letter(3));
    const std::string foreign = "From other\nSubject: foreign\n\nhi\n\n";
    disk.fixture.append_raw(two.substr(0, two.size() / 2) + "\n\n" + foreign + three + std::string(50, '\0'));
    const std::string_view pieces[] = {two, three};
    EXPECT_EQ(*disk.fixture.store().recover(joe, clean, pieces), 1U);
    EXPECT_EQ(disk.fixture.raw(), render(letter(1)) + foreign + three + two);
    // Another inode than the note's: the whole file is looked at, and nothing doubled.
    EXPECT_EQ(*disk.fixture.store().recover(joe, {5, 999}, pieces), 0U);
    EXPECT_EQ(disk.fixture.raw(), render(letter(1)) + foreign + three + two);
}

TEST(TailMender, ForeignBytesStayAndTornOnesGo) {
    const std::string one = render(letter(1));
    const std::string two = render(letter(2, "some more text\r\n"));
    const std::string_view both[] = {one, two};
    const std::string none(10, '\0');
    EXPECT_EQ(mend_tail("", one + two, both), one + two);
    EXPECT_EQ(mend_tail("a\n\n", one.substr(0, 30), both), "");
    EXPECT_EQ(mend_tail("a\n\n", none + two, both), two);
    EXPECT_EQ(mend_tail("a\n\n", one.substr(0, 30) + two, both), two);
    EXPECT_EQ(mend_tail("a\n\n", one + two.substr(20), both), one);
    EXPECT_EQ(mend_tail("a\n\n", std::string(one.size() / 2, '\0') + one.substr(one.size() / 2) + two, both),
              two);
    EXPECT_EQ(mend_tail("hi", "\n\n" + one.substr(0, 9), both), "\n\n");
    EXPECT_EQ(mend_tail("hi", none + one, both), "\n\n" + one);
    EXPECT_EQ(mend_tail("a\n\n", "From x\nfrom elsewhere" + none + two, both),
              "From x\nfrom elsewhere\n\n" + two);
}

}  // namespace
}  // namespace sims::store
