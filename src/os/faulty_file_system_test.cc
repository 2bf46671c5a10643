// What only the faulty file system does: fail, fill up, and forget.
#include "os/faulty_file_system.h"

#include <cerrno>
#include <set>

#include <gtest/gtest.h>

namespace sims::os {
namespace {

std::string get(FileSystem& files, const std::string& path) {
    auto text = read_file(files, path, 1 << 20);
    return text ? *text : "error";
}

TEST(FaultyFileSystem, EveryFailurePointOfReplaceLeavesOldOrNew) {
    for (std::uint64_t n = 1;; ++n) {
        FaultyFileSystem files;
        ASSERT_TRUE(replace_file(files, "/f", "old"));
        files.fail({.operation = n, .error_number = ENOSPC});
        auto done = replace_file(files, "/f", "new");
        if (!files.has_failed()) {
            EXPECT_TRUE(done.has_value());
            EXPECT_GT(n, 4U);
            break;
        }
        ASSERT_FALSE(done.has_value());
        EXPECT_EQ(done.error().fault, Fault::no_space);
        const auto text = get(files, "/f");
        EXPECT_TRUE(text == "old" || text == "new") << text;
    }
}

TEST(FaultyFileSystem, ReplaceSurvivesPowerLossWhenItReturned) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        FaultyFileSystem files;
        ASSERT_TRUE(replace_file(files, "/f", "old"));
        files.crash(seed);
        ASSERT_EQ(get(files, "/f"), "old");
        files.fail({.operation = 1 + seed % 8, .afterwards = FaultyFileSystem::Afterwards::stay_dead});
        const bool done = replace_file(files, "/f", "new").has_value();
        files.crash(seed);
        const auto text = get(files, "/f");
        EXPECT_TRUE(text == "new" || (!done && text == "old")) << text;
    }
}

TEST(FaultyFileSystem, UnsyncedWritesAreLostTornZeroedOrKept) {
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        FaultyFileSystem files;
        auto file = *files.open("/f", Open::create);
        ASSERT_TRUE(files.sync_folder("/"));
        ASSERT_TRUE(file->write_at(0, "safe"));
        ASSERT_TRUE(file->sync());
        ASSERT_TRUE(file->write_at(4, "xyz"));
        files.crash(seed);
        seen.insert(get(files, "/f"));
        EXPECT_FALSE(file->read_text(0, 4).has_value());
    }
    EXPECT_EQ(seen, (std::set<std::string>{"safe", "safex", "safexy", "safexyz", std::string("safexy\0", 7),
                                           std::string("safex\0\0", 7), std::string("safe\0\0\0", 7)}));
}

TEST(FaultyFileSystem, UnsyncedNamesAreLostOrKept) {
    int kept = 0;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        FaultyFileSystem files;
        ASSERT_TRUE((*files.open("/f", Open::create))->sync());
        files.crash(seed);
        kept += files.stat("/f").has_value() ? 1 : 0;
    }
    EXPECT_GT(kept, 20);
    EXPECT_LT(kept, 80);
}

TEST(FaultyFileSystem, StaysDeadTillTheCrash) {
    FaultyFileSystem files;
    ASSERT_TRUE(replace_file(files, "/f", "x"));
    files.fail({.operation = 1, .afterwards = FaultyFileSystem::Afterwards::stay_dead});
    EXPECT_TRUE(files.stat("/f").has_value());
    EXPECT_FALSE(files.remove("/f").has_value());
    EXPECT_FALSE(files.stat("/f").has_value());
    EXPECT_FALSE(files.open("/f", Open::read).has_value());
    files.crash(1);
    EXPECT_EQ(get(files, "/f"), "x");
}

TEST(FaultyFileSystem, FillsUp) {
    FaultyFileSystem files;
    files.set_capacity(10);
    auto file = *files.open("/f", Open::create);
    ASSERT_TRUE(file->write_at(0, "12345678"));
    EXPECT_EQ(*files.free_bytes("/"), 2U);
    auto full = file->write_at(8, "abc");
    ASSERT_FALSE(full.has_value());
    EXPECT_EQ(full.error().fault, Fault::no_space);
    EXPECT_EQ(get(files, "/f"), "12345678ab");
    EXPECT_TRUE(file->write_at(0, "overwrite!"));
    EXPECT_TRUE(file->truncate(0));
    EXPECT_TRUE(file->write_at(0, "abc"));
}

TEST(FaultyFileSystem, RefusesFoldersThatMayNotBeWrittenAndOtherDevices) {
    FaultyFileSystem files;
    ASSERT_TRUE(files.make_folder("/closed"));
    ASSERT_TRUE(files.make_folder("/volume"));
    ASSERT_TRUE((*files.open("/closed/f", Open::create))->write_at(0, "x"));
    FileStat like;
    like.mode = 0500;
    ASSERT_TRUE(files.set_owner_and_mode("/closed", like));
    EXPECT_EQ(files.open("/closed/g", Open::create).error().fault, Fault::refused);
    EXPECT_EQ(files.link("/closed/f", "/closed/g").error().fault, Fault::refused);
    EXPECT_TRUE((*files.open("/closed/f", Open::read_write))->write_at(0, "y"));
    files.mount("/volume");
    EXPECT_FALSE(files.link("/closed/f", "/volume/f").has_value());
    ASSERT_TRUE(files.open("/volume/f", Open::create).has_value());
    EXPECT_NE(files.stat("/volume/f")->device, files.stat("/closed/f")->device);
}

TEST(FaultyFileSystem, CountsOperations) {
    FaultyFileSystem files;
    auto file = *files.open("/f", Open::create);
    files.reset_counts();
    ASSERT_TRUE(file->write_at(0, "abc"));
    ASSERT_TRUE(file->read_text(0, 2).has_value());
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(files.sync_folder("/"));
    const auto counts = files.counts();
    EXPECT_EQ(counts.operations, 4U);
    EXPECT_EQ(counts.mutations, 3U);
    EXPECT_EQ(counts.file_syncs, 1U);
    EXPECT_EQ(counts.folder_syncs, 1U);
    EXPECT_EQ(counts.bytes_read, 2U);
}

}  // namespace
}  // namespace sims::os
