// Other programs at the same mailbox: their mail, their edits, their locks.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store_fixture.h"

namespace sims::store {
namespace {

using Texts = std::vector<std::string>;
const MailboxPath joe{"Accounts/joe"};

class ForeignChange : public AnyStore {};
INSTANTIATE_TEST_SUITE_P(Both, ForeignChange, testing::Values("posix", "memory"), name_of_param);

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    const auto at = text.find(what);
    EXPECT_NE(at, std::string::npos);
    return text.replace(at, what.size(), with);
}

TEST_P(ForeignChange, AnotherWritersMailIsRead) {
    ASSERT_TRUE(append({letter(1)}));
    const Texts before = uids();
    append_raw("From other Sun Nov 22 21:26:11 2026\nSubject: foreign\n\nhi\n\n");
    EXPECT_EQ(texts(), (Texts{received(letter(1)), "Subject: foreign\r\n\r\nhi\r\n"}));
    ASSERT_TRUE(append({letter(2)}));
    append_raw("From other\nSubject: again\n\nhi\n\n");
    ASSERT_TRUE(append({letter(3)}));
    EXPECT_EQ(texts().size(), 5U);
    EXPECT_EQ(uids()[0], before[0]);
    expect_sound();
}

TEST_P(ForeignChange, MissingLineEndsAreAdded) {
    for (const std::string_view end : {"", "\n", "\n\n", "\r\n", "\r\n\r\n"}) {
        write_raw(path(), "From other\nSubject: foreign\n\nhi" + std::string(end));
        const Texts before = uids();
        ASSERT_TRUE(append({letter(2)}));
        EXPECT_EQ(texts(), (Texts{"Subject: foreign\r\n\r\nhi\r\n", received(letter(2))}));
        EXPECT_EQ(uids()[0], before[0]);
        expect_sound();
    }
}

TEST_P(ForeignChange, WhatPrecedesTheFirstFromLineIsAMessage) {
    write_raw(path(), "\n\nno mailbox at all\nFrom here\n");
    ASSERT_TRUE(append({letter(1)}));
    EXPECT_EQ(texts(), (Texts{"no mailbox at all\r\nFrom here\r\n", received(letter(1))}));
    ASSERT_TRUE(remove({1}));
    EXPECT_EQ(texts(), (Texts{"no mailbox at all\r\nFrom here\r\n"}));
    EXPECT_EQ(raw(), "\n\nno mailbox at all\nFrom here\n\n");
}

TEST_P(ForeignChange, StatusFlagsChangeNoUid) {
    ASSERT_TRUE(append({letter(1), letter(2), letter(3)}));
    const Texts before = uids();
    write_raw(path(),
              replaced(raw(), "Subject: letter 2", "Status: RO\nX-Status: A\n folded\nSubject: letter 2"));
    EXPECT_EQ(uids(), before);
    EXPECT_EQ(texts()[2], received(letter(3)));
    ASSERT_TRUE(remove({1}));
    EXPECT_EQ(texts(), (Texts{received(letter(1)), received(letter(3))}));
}

TEST_P(ForeignChange, DeletionReplacementAndTruncation) {
    ASSERT_TRUE(append({letter(1), letter(2), letter(3)}));
    const Texts before = uids();
    write_raw(path(), render(letter(1)) + render(letter(3)));
    EXPECT_EQ(uids(), (Texts{before[0], before[2]}));
    write_raw(path("Accounts/.new"), render(letter(3)) + render(letter(4)));
    ASSERT_TRUE(files_.rename(path("Accounts/.new"), path()));
    ASSERT_TRUE(append({letter(5)}));
    EXPECT_EQ(texts(), (Texts{received(letter(3)), received(letter(4)), received(letter(5))}));
    EXPECT_EQ(uids()[0], before[2]);
    write_raw(path(), "");
    EXPECT_EQ(texts(), Texts{});
    ASSERT_TRUE(append({letter(6)}));
    EXPECT_EQ(texts(), Texts{received(letter(6))});
    ASSERT_TRUE(files_.remove(path()));
    ASSERT_TRUE(append({letter(7)}));
    EXPECT_EQ(texts(), Texts{received(letter(7))});
    ASSERT_TRUE(store().sync(joe));
    expect_sound();
}

TEST_P(ForeignChange, UnderAHeldMaildrop) {
    ASSERT_TRUE(append({letter(1), letter(2), letter(3)}));
    auto drop = *store().open_maildrop(joe);
    Maildrop::Reading half;
    half.number = 1;
    std::string text;
    ASSERT_TRUE(*drop->read(half, 40, text));
    write_raw(path(), render(letter(9)) + render(letter(2)) + render(letter(3)));
    EXPECT_EQ(drop->read(half, 40, text).error().fault, Fault::busy);
    EXPECT_EQ(read(*drop, 0).error().fault, Fault::not_found);
    EXPECT_EQ(*read(*drop, 1), received(letter(2)));
    EXPECT_EQ(*read(*drop, 2), received(letter(3)));
    EXPECT_EQ(drop->messages().size(), 3U);
    const std::size_t numbers[] = {0, 1};
    ASSERT_TRUE(store().remove_messages(std::move(drop), numbers));
    EXPECT_EQ(texts(), (Texts{received(letter(9)), received(letter(3))}));
}

TEST_P(ForeignChange, ADamagedIndexIsMadeAnew) {
    ASSERT_TRUE(append({letter(1), letter(2)}));
    const Texts before = uids();
    close();
    const std::string index = base_ + "/Index/Accounts/joe.idx";
    const std::string bytes = raw(index);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        write_raw(index, damaged);
        open();
        EXPECT_EQ(uids(), before);
        close();
    }
    open();
}

TEST_P(ForeignChange, AStaleIndexOfTheSameFileIsNotBelieved) {
    ASSERT_TRUE(append({letter(1), letter(2), letter(3)}));
    ASSERT_EQ(uids().size(), 3U);
    close();
    // The same inode, longer, and all different.
    write_raw(path(), render(letter(1)) + render(letter(5)) + render(letter(6)) + render(letter(7)));
    open();
    EXPECT_EQ(texts(),
              (Texts{received(letter(1)), received(letter(5)), received(letter(6)), received(letter(7))}));
    expect_sound();
}

TEST_P(ForeignChange, ADotLockOfSomebodyElseIsBusy) {
    ASSERT_TRUE(append({letter(1)}));
    write_raw(path("Accounts/joe.lock"), "1\n");
    EXPECT_EQ(append({letter(2)}).error().fault, Fault::busy);
    EXPECT_EQ(raw(path("Accounts/joe.lock")), "1\n");
    ASSERT_TRUE(files_.remove(path("Accounts/joe.lock")));
    EXPECT_TRUE(append({letter(2)}));
    EXPECT_FALSE(files_.stat(path("Accounts/joe.lock")).has_value());
}

TEST_P(ForeignChange, AbandonedDotLocksAreRemoved) {
    ASSERT_TRUE(append({letter(1)}));
    // Our own former life's: the same file under another name.
    ASSERT_TRUE(files_.link(base_ + "/Index/.dotlock", path("Accounts/joe.lock")));
    ASSERT_TRUE(append({letter(2)}));
    ASSERT_TRUE(files_.link(base_ + "/Index/.dotlock", path("Accounts/joe.lock")));
    write_raw(path("Accounts/.ann.sims-new"), "half made");
    write_raw(path("Accounts/ann.lock"), "somebody else's");
    open();
    EXPECT_EQ(files_.list(base_ + "/Accounts")->size(), 2U);
    if (is_real()) return;
    // Somebody else's, older than the limit.
    auto& faulty = static_cast<os::FaultyFileSystem&>(files_);
    faulty.touch(path("Accounts/ann.lock"), files_.stat(path())->modified - std::chrono::seconds(3600));
    EXPECT_TRUE(append({letter(3)}, {"Accounts/ann"}));
}

TEST_P(ForeignChange, AnFcntlLockInTheSameProcessOfAnotherOpenerIsBusy) {
    ASSERT_TRUE(append({letter(1)}));
    auto other = *files_.open(path(), os::Open::read_write);
    ASSERT_TRUE(other->try_lock(os::LockKind::exclusive));
    EXPECT_EQ(append({letter(2)}).error().fault, Fault::busy);
    EXPECT_FALSE(files_.stat(path("Accounts/joe.lock")).has_value());
    // Reading what is known needs no lock.
    other->unlock();
    ASSERT_TRUE(append({letter(2)}));
    ASSERT_EQ(texts().size(), 2U);
    ASSERT_TRUE(other->try_lock(os::LockKind::exclusive));
    EXPECT_EQ(texts().size(), 2U);
    EXPECT_EQ(remove({0}).error().fault, Fault::busy);
    other.reset();
    EXPECT_TRUE(remove({0}));
}

// A classic program with POSIX locks, in a process of its own.
TEST(ForeignProcess, HoldsItsFcntlLock) {
    AnyFiles real("posix");
    StoreFixture fixture(real.files(), real.base());
    fixture.open();
    ASSERT_TRUE(fixture.append({letter(1)}));
    int ready[2];
    int finish[2];
    ASSERT_EQ(::pipe(ready), 0);
    ASSERT_EQ(::pipe(finish), 0);
    const std::string path = fixture.path();
    const pid_t child = ::fork();
    if (child == 0) {
        const int file = ::open(path.c_str(), O_RDWR);
        struct flock lock {};
        lock.l_type = F_WRLCK;
        lock.l_whence = SEEK_SET;
        char byte = ::fcntl(file, F_SETLK, &lock) == 0 ? 'y' : 'n';
        if (::write(ready[1], &byte, 1) != 1) ::_exit(1);
        if (::read(finish[0], &byte, 1) != 1) ::_exit(1);
        ::_exit(0);
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    EXPECT_EQ(byte, 'y');
    EXPECT_EQ(fixture.append({letter(2)}).error().fault, Fault::busy);
    ASSERT_EQ(::write(finish[1], "x", 1), 1);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(fixture.append({letter(2)}));
    EXPECT_EQ(fixture.texts().size(), 2U);
    for (const int end : {ready[0], ready[1], finish[0], finish[1]}) ::close(end);
    fixture.close();
}

}  // namespace
}  // namespace sims::store
