// A file system for tests: all in memory, fails when told, fills up, and forgets at a crash what was not
// synced. A second opener's locks exclude the first's, as another process's would.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "os/file_system.h"
#include "os/memory_disk.h"

namespace sims::os {

class FaultyFileSystem final : public FileSystem {
public:
    FaultyFileSystem();
    ~FaultyFileSystem() override;

    // What fails: the operation of that number, counted from 1 from now on.
    enum class Counted { mutating, all };  // writes, syncs, names; or reads, opens, stats and locks too
    enum class Afterwards { heal, stay_dead };
    struct Failure {
        std::uint64_t operation = 1;
        int error_number = 5;  // EIO
        Counted counted = Counted::mutating;
        Afterwards afterwards = Afterwards::heal;  // stay_dead: everything fails till heal() or crash()
    };
    void fail(Failure failure);
    // Whether the failure asked for has come to pass.
    bool has_failed() const;
    void heal();

    // Power loss and restart. Of every unsynced write the seed decides: whole, lost, torn, or zeros in the
    // place of bytes behind the old end; of every unsynced change of names: kept or lost. Files opened before
    // fail for ever. Heals.
    void crash(std::uint64_t seed);

    void set_capacity(
        std::uint64_t bytes);  // of all files together; writes beyond are ENOSPC, in part written
    void mount(const std::string& folder);  // makes it a file system of its own: EXDEV across its edge
    void set_time(TimePoint now);           // of the next change; every change is a millisecond
    void touch(const std::string& path, TimePoint modified);

    struct Counts {
        std::uint64_t operations = 0;
        std::uint64_t mutations = 0;
        std::uint64_t file_syncs = 0;
        std::uint64_t folder_syncs = 0;
        std::uint64_t reads = 0;
        std::uint64_t bytes_read = 0;
        std::uint64_t writes = 0;
    };
    Counts counts() const;
    void reset_counts();

    Result<std::unique_ptr<File>> open(const std::string& path, Open how) override;
    Result<std::unique_ptr<Mapping>> map(const std::string& path) override;
    Result<FileStat> stat(const std::string& path) const override;
    Result<FileStat> lstat(const std::string& path) const override;
    Result<std::string> real_path(const std::string& path) const override;
    Result<std::string> read_link(const std::string& path) const override;
    Result<> rename(const std::string& from, const std::string& to) override;
    Result<> link(const std::string& from, const std::string& to) override;
    Result<> symlink(const std::string& target, const std::string& path) override;
    Result<> remove(const std::string& path) override;
    Result<> remove_folder(const std::string& path) override;
    Result<> make_folder(const std::string& path) override;
    Result<> set_owner_and_mode(const std::string& path, const FileStat& like) override;
    Result<std::vector<std::string>> list(const std::string& path) const override;
    Result<> sync_folder(const std::string& path) override;
    Result<std::uint64_t> free_bytes(const std::string& path) const override;

private:
    friend class FaultyFile;
    enum class Effect { reads, mutates };
    // Counts the operation; the Error when it is the one to fail.
    Result<> count(Effect effect, std::string_view operation, const std::string& path) const;
    // A place whose folder may be written.
    Result<MemoryDisk::Place> writable_place(const std::string& path, std::string_view operation) const;
    Result<> write(MemoryNode& node, std::uint64_t offset, std::span<const std::string_view> pieces,
                   const std::string& path);
    TimePoint tick() { return now_ += std::chrono::milliseconds(1); }

    mutable std::mutex mutex_;
    mutable Counts counts_;
    mutable std::optional<Failure> failure_;
    mutable std::uint64_t counted_ = 0;
    mutable bool has_failed_ = false;
    MemoryDisk disk_;
    std::uint64_t life_ = 0;  // counts crashes
    std::uint64_t capacity_ = UINT64_MAX;
    TimePoint now_{std::chrono::seconds(1'795'000'000)};
};

}  // namespace sims::os
