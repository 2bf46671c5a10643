// One behaviour, two file systems: the real one and its twin for tests must not be told apart.
#include "os/file_system.h"

#include <algorithm>
#include <filesystem>
#include <stdlib.h>

#include <gtest/gtest.h>

#include "os/faulty_file_system.h"
#include "os/posix_file_system.h"

namespace sims::os {
namespace {

class AnyFileSystem : public testing::TestWithParam<const char*> {
protected:
    void SetUp() override {
        if (std::string_view(GetParam()) == "posix") {
            std::string pattern = testing::TempDir() + "/sims-os-XXXXXX";
            ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
            base_ = std::filesystem::canonical(pattern).string();
            files_ = make_posix_file_system();
        } else {
            base_ = "/base";
            files_ = std::make_unique<FaultyFileSystem>();
            ASSERT_TRUE(files_->make_folder(base_));
        }
    }
    void TearDown() override {
        if (std::string_view(GetParam()) == "posix") std::filesystem::remove_all(base_);
    }

    std::string at(std::string_view name) const { return base_ + "/" + std::string(name); }
    void put(std::string_view name, std::string_view bytes) {
        auto file = files_->open(at(name), Open::create);
        ASSERT_TRUE(file.has_value()) << file.error().text;
        ASSERT_TRUE((*file)->truncate(0));
        ASSERT_TRUE((*file)->write_at(0, bytes));
    }
    std::string get(std::string_view name) {
        auto text = read_file(*files_, at(name), 1 << 20);
        return text ? *text : "error: " + text.error().text;
    }
    std::vector<std::string> names(std::string_view folder) {
        auto listed = files_->list(at(folder));
        if (!listed) return {listed.error().text};
        std::sort(listed->begin(), listed->end());
        return *listed;
    }

    std::string base_;
    std::unique_ptr<FileSystem> files_;
};

INSTANTIATE_TEST_SUITE_P(Both, AnyFileSystem, testing::Values("posix", "memory"),
                         [](const auto& which) { return std::string(which.param); });

template <class T>
Fault fault_of(const Result<T>& result) {
    EXPECT_FALSE(result.has_value());
    return result ? Fault::io : result.error().fault;
}

TEST_P(AnyFileSystem, WritesPiecesAndReadsThem) {
    auto file = files_->open(at("f"), Open::create_new);
    ASSERT_TRUE(file.has_value());
    const std::string_view pieces[] = {"one ", "", "two ", "three"};
    ASSERT_TRUE((*file)->write_at(0, std::span<const std::string_view>(pieces)));
    EXPECT_EQ(*(*file)->read_text(0, 100), "one two three");
    EXPECT_EQ(*(*file)->read_text(4, 3), "two");
    EXPECT_EQ(*(*file)->read_text(100, 3), "");
    EXPECT_EQ((*file)->stat()->size, 13U);
    EXPECT_EQ((*file)->stat()->mode, 0600U);
    EXPECT_TRUE((*file)->sync());
}

TEST_P(AnyFileSystem, WritesMorePiecesThanOneCallTakes) {
    std::vector<std::string_view> pieces(5000, "ab");
    auto file = files_->open(at("f"), Open::create);
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE((*file)->write_at(3, std::span<const std::string_view>(pieces)));
    auto text = (*file)->read_text(0, 20000);
    ASSERT_EQ(text->size(), 10003U);
    EXPECT_EQ(text->substr(0, 5), std::string("\0\0\0ab", 5));
    EXPECT_EQ(text->substr(9999), "abab");
}

TEST_P(AnyFileSystem, TruncatesBothWays) {
    auto file = files_->open(at("f"), Open::create);
    ASSERT_TRUE((*file)->write_at(0, "abcdef"));
    ASSERT_TRUE((*file)->truncate(2));
    EXPECT_EQ(*(*file)->read_text(0, 10), "ab");
    ASSERT_TRUE((*file)->truncate(4));
    EXPECT_EQ(*(*file)->read_text(0, 10), std::string("ab\0\0", 4));
}

TEST_P(AnyFileSystem, OpensAsAsked) {
    EXPECT_EQ(fault_of(files_->open(at("f"), Open::read)), Fault::not_found);
    EXPECT_EQ(fault_of(files_->open(at("f"), Open::read_write)), Fault::not_found);
    EXPECT_TRUE(files_->open(at("f"), Open::create).has_value());
    EXPECT_EQ(fault_of(files_->open(at("f"), Open::create_new)), Fault::exists);
    auto reader = files_->open(at("f"), Open::read);
    ASSERT_TRUE(reader.has_value());
    EXPECT_FALSE((*reader)->write_at(0, "x"));
    EXPECT_FALSE(files_->open(at("missing/f"), Open::create).has_value());
    EXPECT_FALSE(files_->open(base_, Open::read_write).has_value());
}

TEST_P(AnyFileSystem, LocksExcludeEachOther) {
    put("f", "x");
    auto one = files_->open(at("f"), Open::read_write);
    auto two = files_->open(at("f"), Open::read_write);
    ASSERT_TRUE((*one)->try_lock(LockKind::exclusive));
    ASSERT_TRUE((*one)->try_lock(LockKind::exclusive));
    EXPECT_EQ(fault_of((*two)->try_lock(LockKind::exclusive)), Fault::busy);
    EXPECT_EQ(fault_of((*two)->try_lock(LockKind::shared)), Fault::busy);
    // Closing another descriptor of the file does not lose the lock, as it would with POSIX locks.
    files_->open(at("f"), Open::read).value().reset();
    EXPECT_EQ(fault_of((*two)->try_lock(LockKind::shared)), Fault::busy);
    (*one)->unlock();
    ASSERT_TRUE((*two)->try_lock(LockKind::shared));
    ASSERT_TRUE((*one)->try_lock(LockKind::shared));
    EXPECT_EQ(fault_of((*one)->try_lock(LockKind::exclusive)), Fault::busy);
    two.value().reset();
    EXPECT_TRUE((*one)->try_lock(LockKind::exclusive));
}

TEST_P(AnyFileSystem, RenameReplacesAndKeepsTheInode) {
    put("a", "new");
    put("b", "old");
    const auto inode = files_->stat(at("a"))->inode;
    auto reader = files_->open(at("b"), Open::read);
    ASSERT_TRUE(files_->rename(at("a"), at("b")));
    EXPECT_EQ(get("b"), "new");
    EXPECT_EQ(files_->stat(at("b"))->inode, inode);
    EXPECT_EQ(*(*reader)->read_text(0, 10), "old");
    EXPECT_EQ(fault_of(files_->stat(at("a"))), Fault::not_found);
    EXPECT_EQ(fault_of(files_->rename(at("a"), at("b"))), Fault::not_found);
}

TEST_P(AnyFileSystem, LinkIsMadeOnce) {
    put("ready", "lock text");
    ASSERT_TRUE(files_->link(at("ready"), at("f.lock")));
    EXPECT_EQ(fault_of(files_->link(at("ready"), at("f.lock"))), Fault::exists);
    EXPECT_EQ(get("f.lock"), "lock text");
    EXPECT_EQ(files_->stat(at("ready"))->links, 2U);
    ASSERT_TRUE(files_->remove(at("f.lock")));
    EXPECT_EQ(files_->stat(at("ready"))->links, 1U);
    EXPECT_EQ(fault_of(files_->remove(at("f.lock"))), Fault::not_found);
}

TEST_P(AnyFileSystem, SymbolicLinksAreFollowedExceptWhereSaid) {
    ASSERT_TRUE(files_->make_folder(at("far/away")));
    put("far/away/real", "bytes");
    ASSERT_TRUE(files_->symlink("far/away/real", at("link")));
    ASSERT_TRUE(files_->symlink(at("link"), at("second")));
    EXPECT_EQ(get("second"), "bytes");
    EXPECT_EQ(*files_->real_path(at("second")), at("far/away/real"));
    EXPECT_EQ(*files_->read_link(at("link")), "far/away/real");
    EXPECT_EQ(files_->lstat(at("link"))->kind, FileStat::Kind::link);
    EXPECT_EQ(files_->stat(at("link"))->kind, FileStat::Kind::file);
    put("link", "through");
    EXPECT_EQ(get("far/away/real"), "through");
    ASSERT_TRUE(files_->rename(at("link"), at("moved")));
    EXPECT_EQ(files_->lstat(at("moved"))->kind, FileStat::Kind::link);
    ASSERT_TRUE(files_->remove(at("moved")));
    EXPECT_EQ(get("far/away/real"), "through");
}

TEST_P(AnyFileSystem, DanglingLinksAndLoops) {
    ASSERT_TRUE(files_->symlink(at("nowhere"), at("dangling")));
    EXPECT_EQ(fault_of(files_->real_path(at("dangling"))), Fault::not_found);
    EXPECT_EQ(fault_of(files_->stat(at("dangling"))), Fault::not_found);
    EXPECT_EQ(fault_of(files_->open(at("dangling"), Open::read_write)), Fault::not_found);
    EXPECT_EQ(fault_of(files_->open(at("dangling"), Open::create_new)), Fault::exists);
    EXPECT_TRUE(files_->lstat(at("dangling")).has_value());
    ASSERT_TRUE(files_->symlink(at("b"), at("a")));
    ASSERT_TRUE(files_->symlink(at("a"), at("b")));
    EXPECT_FALSE(files_->stat(at("a")).has_value());
}

TEST_P(AnyFileSystem, Folders) {
    ASSERT_TRUE(files_->make_folder(at("a/b/c")));
    ASSERT_TRUE(files_->make_folder(at("a/b/c")));
    EXPECT_EQ(files_->stat(at("a/b"))->kind, FileStat::Kind::folder);
    EXPECT_EQ(files_->stat(at("a/b"))->mode, 0700U);
    put("a/x", "1");
    EXPECT_EQ(names("a"), (std::vector<std::string>{"b", "x"}));
    EXPECT_FALSE(files_->make_folder(at("a/x")).has_value());
    EXPECT_FALSE(files_->make_folder(at("a/x/y")).has_value());
    EXPECT_FALSE(files_->remove_folder(at("a/b")).has_value());
    EXPECT_FALSE(files_->remove(at("a/b")).has_value());
    ASSERT_TRUE(files_->remove_folder(at("a/b/c")));
    ASSERT_TRUE(files_->remove_folder(at("a/b")));
    EXPECT_EQ(names("a"), (std::vector<std::string>{"x"}));
    EXPECT_EQ(fault_of(files_->list(at("nowhere"))), Fault::not_found);
    EXPECT_TRUE(files_->sync_folder(at("a")));
    EXPECT_FALSE(files_->sync_folder(at("nowhere")).has_value());
}

TEST_P(AnyFileSystem, ModeFollowsTheModel) {
    put("f", "x");
    FileStat like = *files_->stat(at("f"));
    like.mode = 0640;
    ASSERT_TRUE(files_->set_owner_and_mode(at("f"), like));
    EXPECT_EQ(files_->stat(at("f"))->mode, 0640U);
}

TEST_P(AnyFileSystem, MapsWholeFilesEvenEmptyOnes) {
    put("f", "mapped");
    EXPECT_EQ((*files_->map(at("f")))->bytes(), "mapped");
    put("empty", "");
    EXPECT_EQ((*files_->map(at("empty")))->bytes(), "");
    EXPECT_EQ(fault_of(files_->map(at("nowhere"))), Fault::not_found);
    EXPECT_FALSE(files_->map(base_).has_value());
}

TEST_P(AnyFileSystem, FreeFunctions) {
    ASSERT_TRUE(replace_file(*files_, at("f"), "first, and long"));
    ASSERT_TRUE(replace_file(*files_, at("f"), "second"));
    EXPECT_EQ(get("f"), "second");
    EXPECT_EQ(names(""), (std::vector<std::string>{"f"}));
    EXPECT_EQ(fault_of(read_file(*files_, at("f"), 5)), Fault::limit);
    EXPECT_TRUE(read_file(*files_, at("f"), 6).has_value());
    EXPECT_FALSE(replace_file(*files_, at("no/f"), "x").has_value());
    EXPECT_GT(*files_->free_bytes(base_), 0U);
    EXPECT_EQ(folder_of("/a/b/c"), "/a/b");
    EXPECT_EQ(folder_of("/a"), "/");
    EXPECT_EQ(name_in("/a/b/c"), "c");
}

}  // namespace
}  // namespace sims::os
