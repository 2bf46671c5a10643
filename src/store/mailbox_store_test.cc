// Mailboxes as the office and POP3 use them, on both file systems.
#include "store/mailbox_store.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include <rapidcheck.h>

#include "store/store_fixture.h"

namespace sims::store {
namespace {

using Texts = std::vector<std::string>;
const MailboxPath joe{"Accounts/joe"};

INSTANTIATE_TEST_SUITE_P(Both, AnyStore, testing::Values("posix", "memory"), name_of_param);

TEST_P(AnyStore, WhatIsAppendedIsRead) {
    ASSERT_TRUE(append({letter(1), letter(2, "From here\r\n>From there\r\n.dot\r\n\r\n")}));
    ASSERT_TRUE(append({letter(3, "")}));
    EXPECT_EQ(texts(),
              (Texts{received(letter(1)), received(letter(2, "From here\r\n>From there\r\n.dot\r\n\r\n")),
                     received(letter(3, ""))}));
    EXPECT_EQ(raw(), render(letter(1)) + render(letter(2, "From here\r\n>From there\r\n.dot\r\n\r\n")) +
                         render(letter(3, "")));
    EXPECT_EQ(store().status(joe)->messages, 3U);
    EXPECT_EQ(store().status(joe)->bytes, raw().size());
    expect_sound();
}

TEST_P(AnyStore, AppendSaysWhere) {
    const std::string one = render(letter(1));
    const std::string_view pieces[] = {one, one};
    auto where = store().append(joe, pieces);
    ASSERT_TRUE(where.has_value());
    EXPECT_EQ((*where)[0].offset, 0U);
    EXPECT_EQ((*where)[1].offset, one.size());
}

TEST_P(AnyStore, AMissingMailboxIsEmptyAndIsMade) {
    EXPECT_EQ(store().status(joe)->messages, 0U);
    EXPECT_FALSE(files_.stat(path()).has_value());
    EXPECT_EQ(texts(), Texts{});
    ASSERT_TRUE(store().create({"Domains/example.net/Accounts/ann"}));
    ASSERT_TRUE(store().create({"Domains/example.net/Accounts/ann"}));
    EXPECT_EQ(files_.stat(path("Domains/example.net/Accounts/ann"))->mode, 0600U);
}

TEST_P(AnyStore, OneMaildropAtATimeAndItsListStays) {
    ASSERT_TRUE(append({letter(1)}));
    auto drop = store().open_maildrop(joe);
    ASSERT_TRUE(drop.has_value());
    EXPECT_EQ(store().open_maildrop(joe).error().fault, Fault::busy);
    EXPECT_EQ(store().remove(joe).error().fault, Fault::busy);
    for (int i = 2; i < 100; ++i) ASSERT_TRUE(append({letter(i)}));
    EXPECT_EQ((*drop)->messages().size(), 1U);
    EXPECT_EQ(*read(**drop, 0), received(letter(1)));
    drop->reset();
    EXPECT_EQ(texts().size(), 99U);
}

TEST_P(AnyStore, ReadsInChunksOfAnySize) {
    const std::string wire = letter(1, "a\r\n>From b\r\nFrom c\r\n" + std::string(3000, 'x') + "\r\n\r\n");
    ASSERT_TRUE(append({wire}));
    auto drop = *store().open_maildrop(joe);
    for (const std::size_t chunk : {1U, 2U, 7U, 100U, 5000U}) {
        EXPECT_EQ(*read(*drop, 0, chunk), received(wire)) << chunk;
    }
}

TEST_P(AnyStore, RemovesAnySetOfMessages) {
    for (unsigned mask = 0; mask < 32; ++mask) {
        const MailboxPath box{"Accounts/box" + std::to_string(mask)};
        Texts left;
        std::vector<std::size_t> numbers;
        for (unsigned i = 0; i < 5; ++i) {
            ASSERT_TRUE(append({letter(static_cast<int>(i))}, box));
            if ((mask >> i) & 1) {
                numbers.push_back(i);
            } else {
                left.push_back(received(letter(static_cast<int>(i))));
            }
        }
        const Texts before = uids(box);
        auto drop = store().open_maildrop(box);
        ASSERT_TRUE(append({letter(77)}, box));
        left.push_back(received(letter(77)));
        auto removed = store().remove_messages(std::move(*drop), numbers);
        ASSERT_TRUE(removed.has_value()) << removed.error().text;
        EXPECT_EQ(texts(box), left);
        Texts expected;
        for (unsigned i = 0; i < 5; ++i) {
            if (!((mask >> i) & 1)) expected.push_back(before[i]);
        }
        Texts after = uids(box);
        after.pop_back();
        EXPECT_EQ(after, expected);
        expect_sound(box);
        ASSERT_TRUE(append({letter(78)}, box));
        EXPECT_EQ(texts(box).size(), left.size() + 1);
    }
    auto names = files_.list(base_ + "/Accounts");
    EXPECT_EQ(names->size(), 32U);
}

TEST_P(AnyStore, RemovingKeepsTheMode) {
    ASSERT_TRUE(append({letter(1), letter(2)}));
    auto like = *files_.stat(path());
    like.mode = 0640;
    ASSERT_TRUE(files_.set_owner_and_mode(path(), like));
    ASSERT_TRUE(remove({0}));
    EXPECT_EQ(files_.stat(path())->mode, 0640U);
    EXPECT_EQ(texts(), Texts{received(letter(2))});
}

TEST_P(AnyStore, UidsOutliveIndexesRestartsAndMoves) {
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(append({letter(i), letter(i)}));
    const Texts before = uids();
    EXPECT_EQ(std::set<std::string>(before.begin(), before.end()).size(), before.size());
    close();
    EXPECT_TRUE(files_.stat(base_ + "/Index/Accounts/joe.idx").has_value());
    open();
    EXPECT_EQ(uids(), before);
    close();
    ASSERT_TRUE(files_.remove(base_ + "/Index/Accounts/joe.idx"));
    open();
    EXPECT_EQ(uids(), before);
    ASSERT_TRUE(store().rename(joe, {"Accounts/jim"}));
    EXPECT_EQ(uids({"Accounts/jim"}), before);
    ASSERT_TRUE(store().rebuild_index({"Accounts/jim"}));
    EXPECT_EQ(uids({"Accounts/jim"}), before);
}

TEST_P(AnyStore, EqualMessagesKeepTheirUidsWhenTheFirstGoes) {
    ASSERT_TRUE(append({letter(1), letter(1), letter(1)}));
    const Texts before = uids();
    EXPECT_NE(before[0], before[1]);
    EXPECT_NE(before[1], before[2]);
    ASSERT_TRUE(remove({0}));
    EXPECT_EQ(uids(), (Texts{before[1], before[2]}));
    close();
    open();
    EXPECT_EQ(uids(), (Texts{before[1], before[2]}));
    // A new one gets none of the names that were there.
    ASSERT_TRUE(append({letter(1)}));
    EXPECT_EQ(std::count(before.begin(), before.end(), uids()[2]), 0);
    const Texts now = uids();
    // Another program's rewrite makes the index new, with the old names.
    const std::string bytes = raw();
    write_raw(path(), "From a\nSubject: added\n\n\n" + bytes);
    Texts after = uids();
    ASSERT_EQ(after.size(), 4U);
    EXPECT_EQ(Texts(after.begin() + 1, after.end()), now);
}

TEST_P(AnyStore, AColdOpenReadsTheIndexAndNotTheMailbox) {
    if (is_real()) return;
    std::vector<std::string> many;
    for (int i = 0; i < 2000; ++i) many.push_back(letter(i, std::string(500, 'x') + "\r\n"));
    ASSERT_TRUE(append(many));
    ASSERT_EQ(uids().size(), 2000U);
    close();
    open();
    auto& counting = static_cast<os::FaultyFileSystem&>(files_);
    counting.reset_counts();
    auto drop = store().open_maildrop(joe);
    ASSERT_TRUE(drop.has_value());
    EXPECT_EQ((*drop)->messages().size(), 2000U);
    EXPECT_EQ(counting.counts().reads, 1U);
    EXPECT_LT(counting.counts().bytes_read, 2000U * 50);
    // Warm: one look at the file.
    drop->reset();
    counting.reset_counts();
    drop = store().open_maildrop(joe);
    EXPECT_EQ(counting.counts().operations, 1U);
    // A short message: one look, one read.
    counting.reset_counts();
    ASSERT_TRUE(read(**drop, 1000).has_value());
    EXPECT_EQ(counting.counts().operations, 2U);
}

TEST_P(AnyStore, AnAppendIsAFewSystemCalls) {
    if (is_real()) return;
    ASSERT_TRUE(append({letter(1)}));
    auto& counting = static_cast<os::FaultyFileSystem&>(files_);
    counting.reset_counts();
    ASSERT_TRUE(append({letter(2), letter(3)}));
    // Lock, dot lock, stat, write, stat, dot lock away (and unlock, which is not counted).
    EXPECT_EQ(counting.counts().operations, 6U);
    EXPECT_EQ(counting.counts().writes, 1U);
}

TEST_P(AnyStore, DirtyUntilSynced) {
    EXPECT_EQ((*store().clean_length(joe))->length, 0U);
    ASSERT_TRUE(append({letter(1)}));
    EXPECT_FALSE(store().clean_length(joe)->has_value());
    EXPECT_EQ(store().dirty(), std::vector<MailboxPath>{joe});
    ASSERT_TRUE(store().sync(joe));
    EXPECT_TRUE(store().dirty().empty());
    EXPECT_EQ((*store().clean_length(joe))->length, raw().size());
    EXPECT_EQ((*store().clean_length(joe))->inode, files_.stat(path())->inode);
    ASSERT_TRUE(append({letter(2)}));
    ASSERT_TRUE(remove({0}));
    EXPECT_TRUE(store().dirty().empty());
}

TEST_P(AnyStore, RenameAndRemove) {
    ASSERT_TRUE(append({letter(1)}));
    ASSERT_TRUE(append({letter(2)}, {"Accounts/ann"}));
    EXPECT_EQ(store().rename(joe, {"Accounts/ann"}).error().fault, Fault::exists);
    EXPECT_EQ(store().rename({"Accounts/nobody"}, {"Accounts/jim"}).error().fault, Fault::not_found);
    ASSERT_TRUE(store().rename(joe, {"Accounts/jim"}));
    EXPECT_EQ(texts({"Accounts/jim"}), Texts{received(letter(1))});
    EXPECT_EQ(store().status(joe)->messages, 0U);
    ASSERT_TRUE(append({letter(3)}));
    EXPECT_EQ(texts(), Texts{received(letter(3))});
    ASSERT_TRUE(store().remove({"Accounts/jim"}));
    EXPECT_EQ(store().remove({"Accounts/jim"}).error().fault, Fault::not_found);
    EXPECT_FALSE(files_.stat(base_ + "/Index/Accounts/jim.idx").has_value());
    EXPECT_EQ(texts({"Accounts/ann"}), Texts{received(letter(2))});
}

TEST_P(AnyStore, RemembersSizes) {
    EXPECT_EQ(store().last_known_size(joe), std::nullopt);
    ASSERT_TRUE(append({letter(1), letter(2)}));
    EXPECT_EQ(store().last_known_size(joe), raw().size());
    ASSERT_TRUE(remove({0}));
    EXPECT_EQ(store().last_known_size(joe), render(letter(2)).size());
    // Another program's mail is known of once somebody looks.
    append_raw("From other\nSubject: foreign\n\nhi\n\n");
    EXPECT_EQ(store().last_known_size(joe), render(letter(2)).size());
    EXPECT_EQ(*store().file_size(joe), raw().size());
    EXPECT_EQ(store().last_known_size(joe), raw().size());
    open();
    EXPECT_EQ(store().last_known_size(joe), std::nullopt);
    ASSERT_TRUE(store().status(joe));
    EXPECT_EQ(store().last_known_size(joe), raw().size());
    ASSERT_TRUE(store().rename(joe, {"Accounts/jim"}));
    EXPECT_EQ(store().last_known_size(joe), std::nullopt);
    EXPECT_EQ(*store().file_size({"Accounts/ann"}), 0U);
    EXPECT_EQ(store().last_known_size({"Accounts/ann"}), 0U);
}

TEST_P(AnyStore, LinksStayLinks) {
    ASSERT_TRUE(files_.make_folder(outside("volume")));
    write_raw(outside("volume/joes"), "");
    ASSERT_TRUE(files_.symlink(outside("volume/joes"), path()));
    ASSERT_TRUE(append({letter(1), letter(2), letter(3)}));
    ASSERT_TRUE(remove({1}));
    EXPECT_EQ(files_.lstat(path())->kind, os::FileStat::Kind::link);
    EXPECT_EQ(raw(outside("volume/joes")), render(letter(1)) + render(letter(3)));
    EXPECT_EQ(files_.list(outside("volume"))->size(), 1U);
    ASSERT_TRUE(store().rename(joe, {"Accounts/jim"}));
    EXPECT_EQ(files_.lstat(path("Accounts/jim"))->kind, os::FileStat::Kind::link);
    EXPECT_EQ(texts({"Accounts/jim"}).size(), 2U);
    ASSERT_TRUE(store().remove({"Accounts/jim"}));
    EXPECT_EQ(raw(outside("volume/joes")), render(letter(1)) + render(letter(3)));
}

TEST_P(AnyStore, AMailboxMovedBehindALinkWhileItIsOpen) {
    ASSERT_TRUE(append({letter(1), letter(2), letter(3)}));
    ASSERT_TRUE(files_.make_folder(outside("volume")));
    // The same inode by another way.
    ASSERT_TRUE(files_.rename(path(), outside("volume/joes")));
    ASSERT_TRUE(files_.symlink(outside("volume/joes"), path()));
    ASSERT_TRUE(append({letter(4)}));
    ASSERT_TRUE(remove({1}));
    EXPECT_EQ(files_.lstat(path())->kind, os::FileStat::Kind::link);
    EXPECT_EQ(raw(outside("volume/joes")), render(letter(1)) + render(letter(3)) + render(letter(4)));
    // From there to a third place, and home again.
    ASSERT_TRUE(files_.make_folder(outside("other")));
    ASSERT_TRUE(files_.rename(outside("volume/joes"), outside("other/joes")));
    ASSERT_TRUE(files_.remove(path()));
    ASSERT_TRUE(files_.symlink(outside("other/joes"), path()));
    ASSERT_TRUE(remove({1}));
    EXPECT_EQ(files_.lstat(path())->kind, os::FileStat::Kind::link);
    EXPECT_EQ(raw(outside("other/joes")), render(letter(1)) + render(letter(4)));
    EXPECT_EQ(*files_.list(outside("volume")), Texts{});
    ASSERT_TRUE(files_.remove(path()));
    ASSERT_TRUE(files_.rename(outside("other/joes"), path()));
    ASSERT_TRUE(append({letter(5)}));
    ASSERT_TRUE(remove({0}));
    EXPECT_EQ(raw(), render(letter(4)) + render(letter(5)));
    EXPECT_EQ(*files_.list(outside("other")), Texts{});
    expect_sound();
}

TEST_P(AnyStore, TheDotLockOfAMovedMailboxLiesBesideItsNewPlace) {
    ASSERT_TRUE(append({letter(1)}));
    ASSERT_TRUE(files_.make_folder(outside("volume")));
    ASSERT_TRUE(files_.rename(path(), outside("volume/joes")));
    ASSERT_TRUE(files_.symlink(outside("volume/joes"), path()));
    write_raw(outside("volume/joes.lock"), "1\n");
    EXPECT_EQ(append({letter(2)}).error().fault, Fault::busy);
    ASSERT_TRUE(files_.remove(outside("volume/joes.lock")));
    // One left in the old place locks nothing.
    write_raw(path() + ".lock", "1\n");
    EXPECT_TRUE(append({letter(2)}));
    EXPECT_EQ(raw(outside("volume/joes")), render(letter(1)) + render(letter(2)));
}

TEST_P(AnyStore, ALinkMovedToAnotherNameOfTheSameFile) {
    ASSERT_TRUE(files_.make_folder(outside("volume")));
    write_raw(outside("volume/old"), render(letter(1)) + render(letter(2)));
    ASSERT_TRUE(files_.symlink(outside("volume/old"), path()));
    ASSERT_TRUE(append({letter(3)}));
    ASSERT_TRUE(files_.link(outside("volume/old"), outside("volume/new")));
    ASSERT_TRUE(files_.remove(path()));
    ASSERT_TRUE(files_.symlink(outside("volume/new"), path()));
    ASSERT_TRUE(remove({0}));
    EXPECT_EQ(texts(), (Texts{received(letter(2)), received(letter(3))}));
    EXPECT_EQ(raw(outside("volume/new")), render(letter(2)) + render(letter(3)));
}

TEST_P(AnyStore, ADanglingLinkIsTrouble) {
    ASSERT_TRUE(files_.symlink(outside("volume/joes"), path()));
    EXPECT_EQ(append({letter(1)}).error().fault, Fault::unavailable);
    EXPECT_EQ(store().open_maildrop(joe).error().fault, Fault::unavailable);
    EXPECT_EQ(store().status(joe).error().fault, Fault::unavailable);
    EXPECT_EQ(files_.lstat(path())->kind, os::FileStat::Kind::link);
    ASSERT_TRUE(files_.make_folder(outside("volume")));
    write_raw(outside("volume/joes"), "");
    EXPECT_TRUE(append({letter(1)}));
    EXPECT_EQ(texts().size(), 1U);
}

TEST_P(AnyStore, MoreMailboxesThanMayBeOpen) {
    Limits limits;
    limits.open_mailboxes_max = 4;
    limits.cached_messages_max = 20;
    open(limits);
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 40; ++i) {
            const MailboxPath box{"Accounts/box" + std::to_string(i)};
            ASSERT_TRUE(append({letter(round)}, box));
            if (i % 3 == 0) {
                ASSERT_EQ(texts(box).size(), static_cast<std::size_t>(round + 1));
            }
        }
    }
    EXPECT_EQ(store().dirty().size(), 40U);
    for (const auto& box : store().dirty()) ASSERT_TRUE(store().sync(box));
    EXPECT_TRUE(store().dirty().empty());
    for (int i = 0; i < 40; ++i) EXPECT_EQ(texts({"Accounts/box" + std::to_string(i)}).size(), 3U);
}

TEST_P(AnyStore, FolderThatMayNotBeWritten) {
    if (is_real()) return;  // root may write everywhere
    ASSERT_TRUE(append({letter(1)}));
    auto like = *files_.stat(base_ + "/Accounts");
    like.mode = 0500;
    ASSERT_TRUE(files_.set_owner_and_mode(base_ + "/Accounts", like));
    ASSERT_TRUE(append({letter(2)}));
    EXPECT_EQ(texts().size(), 2U);
    ASSERT_TRUE(remove({1}));
    EXPECT_EQ(remove({0}).has_value(), true);
    EXPECT_EQ(texts().size(), 0U);
}

TEST_P(AnyStore, DotLockOnAnotherVolume) {
    if (is_real()) return;
    ASSERT_TRUE(files_.make_folder("/volume"));
    static_cast<os::FaultyFileSystem&>(files_).mount("/volume");
    write_raw("/volume/joes", "");
    ASSERT_TRUE(files_.symlink("/volume/joes", path()));
    ASSERT_TRUE(append({letter(1), letter(2)}));
    ASSERT_TRUE(remove({0}));
    EXPECT_EQ(texts(), Texts{received(letter(2))});
    EXPECT_EQ(files_.list("/volume")->size(), 1U);
}

TEST_P(AnyStore, ManyThreadsAtOnce) {
    Limits limits;
    limits.open_mailboxes_max = 2;
    open(limits);
    constexpr int letters = 60;
    const auto box = [](int number) { return MailboxPath{"Accounts/box" + std::to_string(number % 5)}; };
    std::atomic<bool> writing = true;
    std::atomic<std::size_t> removed = 0;
    const auto write = [&](int first) {
        for (int i = first; i < letters; i += 2) {
            while (!append({letter(i)}, box(i))) {
            }
        }
    };
    const auto read_and_remove = [&] {
        for (int i = 0; writing || i < 10; ++i) {
            auto drop = store().open_maildrop(box(i));
            if (!drop || (*drop)->messages().empty()) continue;
            EXPECT_TRUE(read(**drop, 0).has_value());
            const std::size_t first[] = {0};
            if (store().remove_messages(std::move(*drop), first)) ++removed;
        }
    };
    const auto sync = [&] {
        while (writing) {
            for (const auto& mailbox : store().dirty()) EXPECT_TRUE(store().sync(mailbox));
        }
    };
    std::thread reader(read_and_remove);
    std::thread syncer(sync);
    std::thread one([&] { write(0); });
    write(1);
    one.join();
    writing = false;
    reader.join();
    syncer.join();
    std::size_t left = 0;
    for (int i = 0; i < 5; ++i) {
        left += texts(box(i)).size();
        expect_sound(box(i));
    }
    EXPECT_EQ(left + removed, static_cast<std::size_t>(letters));
}

TEST(MailboxStoreProperty, AnyBytesRoundTrip) {
    EXPECT_TRUE(
        rc::check("what is appended is read, byte for byte", [](const std::vector<std::string>& parts) {
            const auto line =
                rc::gen::element<std::string>("From x", ">From y", ">>From", ".", "", "\0z", "\xff\xfe",
                                              "Status: RO", "a: b", " fold", "F", ">");
            std::vector<std::string> wires;
            for (const auto& part : parts) {
                std::string wire;
                for (const auto& piece : *rc::gen::container<std::vector<std::string>>(line))
                    wire += piece + "\r\n";
                for (const char c : part) {
                    if (c != '\r' && c != '\n') wire += c;
                }
                wires.push_back(wire);
            }
            os::FaultyFileSystem files;
            RC_ASSERT(files.make_folder("/base").has_value());
            StoreFixture fixture(files, "/base");
            fixture.open();
            for (const auto& wire : wires) RC_ASSERT(fixture.append({wire}).has_value());
            Texts expected;
            for (const auto& wire : wires) {
                const bool ended = wire.empty() || wire.ends_with("\r\n");
                expected.push_back(received(wire) + (ended ? "" : "\r\n"));
            }
            RC_ASSERT(fixture.texts() == expected);
            const Texts before = fixture.uids();
            RC_ASSERT(fixture.store().rebuild_index(joe).has_value());
            RC_ASSERT(fixture.uids() == before);
            RC_ASSERT(fixture.texts() == expected);
        }));
}

}  // namespace
}  // namespace sims::store
