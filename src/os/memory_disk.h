// The disk behind FaultyFileSystem: a tree of files, folders and links in memory that knows of every change
// whether it was synced, and can lose the ones that were not. No locking of its own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/file_system.h"

namespace sims::os {

struct MemoryNode;
using MemoryNodePtr = std::shared_ptr<MemoryNode>;  // held by folders, undone changes and open files

struct MemoryNode {
    FileStat::Kind kind = FileStat::Kind::file;
    std::uint64_t inode = 0;
    std::uint64_t device = 0;
    std::uint32_t mode = 0600;
    std::uint32_t owner = 0;
    std::uint32_t group = 0;
    std::uint32_t links = 0;
    TimePoint modified{};

    // A file's bytes as readers see them, as they are on stable storage, and the way from there to here.
    struct Change {
        enum class Kind { write, truncate } kind = Kind::write;
        std::uint64_t at = 0;  // where the bytes go; the new size
        std::string bytes;
    };
    std::string bytes;
    std::string durable;
    std::vector<Change> unsynced;

    // A folder's names, the same way; what is between them stands in MemoryDisk::unsynced_.
    std::map<std::string, MemoryNodePtr, std::less<>> names;
    std::map<std::string, MemoryNodePtr, std::less<>> durable_names;

    std::string target;  // of a link

    const void* exclusive_holder = nullptr;  // an open file
    std::vector<const void*> shared_holders;
};

class MemoryDisk {
public:
    MemoryDisk();

    // Where a path leads: the folder that holds (or would hold) the last name, the name, and what is there.
    struct Place {
        MemoryNodePtr folder;
        std::string name;
        MemoryNodePtr node;  // may be null
        std::string path;    // without links, when they were followed
    };
    enum class Last { follow, keep };  // a link that is the last part of the path
    Result<Place> find(const std::string& path, Last last) const;

    MemoryNodePtr make(const Place& place, FileStat::Kind kind, TimePoint now);
    // Names in folders; a null node takes the name away. Several are one step.
    struct NameChange {
        MemoryNodePtr folder;
        std::string name;
        MemoryNodePtr node;
    };
    void change_names(std::vector<NameChange> changes, TimePoint now);

    void write(MemoryNode& file, std::uint64_t at, std::string_view bytes, TimePoint now);
    void truncate(MemoryNode& file, std::uint64_t size, TimePoint now);
    static void sync(MemoryNode& file);
    void sync_folder(const MemoryNodePtr& folder);

    // Power loss: of what is not synced each change stays whole, is lost, or (writes) stays in part, as
    // chosen by the seed. The survivors are durable.
    void lose_power(std::uint64_t seed);

    std::uint64_t used_bytes() const;
    void set_device(MemoryNode& folder) { folder.device = ++devices_; }

private:
    Result<Place> walk(const std::string& path, Last last, int depth) const;
    static void lose_bytes(MemoryNode& file, std::mt19937_64& random);
    static void apply(std::string& to, const MemoryNode::Change& change);
    void settle_tree(const MemoryNodePtr& folder, std::mt19937_64& random);

    MemoryNodePtr root_;
    std::uint64_t inodes_ = 1;
    std::uint64_t devices_ = 1;
    std::vector<std::vector<NameChange>> unsynced_;  // oldest first
};

FileStat stat_of(const MemoryNode& node);

}  // namespace sims::os
