#include "os/memory_disk.h"

#include <algorithm>
#include <cerrno>
#include <set>

namespace sims::os {
namespace {

constexpr int links_followed_max = 40;

std::string_view take_part(std::string_view& path) {
    while (path.starts_with('/')) path.remove_prefix(1);
    const auto part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    while (path.starts_with('/')) path.remove_prefix(1);
    return part;
}

}  // namespace

FileStat stat_of(const MemoryNode& node) {
    FileStat stat;
    stat.size = node.kind == FileStat::Kind::link ? node.target.size() : node.bytes.size();
    stat.inode = node.inode;
    stat.device = node.device;
    stat.modified = node.modified;
    stat.mode = node.mode;
    stat.owner = node.owner;
    stat.group = node.group;
    stat.links = node.links;
    stat.kind = node.kind;
    return stat;
}

MemoryDisk::MemoryDisk() : root_(std::make_shared<MemoryNode>()) {
    root_->kind = FileStat::Kind::folder;
    root_->inode = inodes_++;
    root_->device = devices_;
    root_->mode = 0755;
    root_->links = 1;
}

Result<MemoryDisk::Place> MemoryDisk::find(const std::string& path, Last last) const {
    return walk(path, last, 0);
}

Result<MemoryDisk::Place> MemoryDisk::walk(const std::string& path, Last last, int depth) const {
    if (depth > links_followed_max) return system_error(ELOOP, "find", path);
    if (!path.starts_with('/')) return system_error(EINVAL, "find (not an absolute path)", path);
    Place place{root_, "", root_, "/"};
    std::string_view rest = path;
    std::vector<MemoryNodePtr> parents;
    for (std::string_view part = take_part(rest); !part.empty(); part = take_part(rest)) {
        if (!place.node) return system_error(ENOENT, "find", path);
        if (place.node->kind != FileStat::Kind::folder) return system_error(ENOTDIR, "find", path);
        if (part == ".") continue;
        if (part == "..") {
            if (!parents.empty()) {
                place.node = parents.back();
                parents.pop_back();
                place.path = folder_of(place.path);
            }
            continue;
        }
        parents.push_back(place.node);
        place.folder = place.node;
        place.name = part;
        const auto found = place.folder->names.find(part);
        place.node = found == place.folder->names.end() ? nullptr : found->second;
        const std::string folder_path = place.path == "/" ? "" : place.path;
        place.path = folder_path + "/" + place.name;
        const bool is_link = place.node && place.node->kind == FileStat::Kind::link;
        if (is_link && (!rest.empty() || last == Last::follow)) {
            const std::string& target = place.node->target;
            std::string onward = target.starts_with('/') ? target : folder_path + "/" + target;
            if (!rest.empty()) onward += "/" + std::string(rest);
            return walk(onward, last, depth + 1);
        }
    }
    return place;
}

MemoryNodePtr MemoryDisk::make(const Place& place, FileStat::Kind kind, TimePoint now) {
    auto node = std::make_shared<MemoryNode>();
    node->kind = kind;
    node->inode = inodes_++;
    node->device = place.folder->device;
    node->mode = kind == FileStat::Kind::folder ? 0700 : 0600;
    node->modified = now;
    change_names({{place.folder, place.name, node}}, now);
    return node;
}

void MemoryDisk::change_names(std::vector<NameChange> changes, TimePoint now) {
    for (const auto& change : changes) {
        auto& names = change.folder->names;
        if (const auto old = names.find(change.name); old != names.end()) {
            --old->second->links;
            names.erase(old);
        }
        if (change.node) {
            ++change.node->links;
            names[change.name] = change.node;
        }
        change.folder->modified = now;
    }
    unsynced_.push_back(std::move(changes));
}

void MemoryDisk::apply(std::string& to, const MemoryNode::Change& change) {
    switch (change.kind) {
        case MemoryNode::Change::Kind::truncate: to.resize(change.at, '\0'); break;
        case MemoryNode::Change::Kind::write:
            if (to.size() < change.at + change.bytes.size()) to.resize(change.at + change.bytes.size(), '\0');
            to.replace(change.at, change.bytes.size(), change.bytes);
            break;
    }
}

void MemoryDisk::write(MemoryNode& file, std::uint64_t at, std::string_view bytes, TimePoint now) {
    file.unsynced.push_back({MemoryNode::Change::Kind::write, at, std::string(bytes)});
    apply(file.bytes, file.unsynced.back());
    file.modified = now;
}

void MemoryDisk::truncate(MemoryNode& file, std::uint64_t size, TimePoint now) {
    file.unsynced.push_back({MemoryNode::Change::Kind::truncate, size, {}});
    apply(file.bytes, file.unsynced.back());
    file.modified = now;
}

void MemoryDisk::sync(MemoryNode& file) {
    file.durable = file.bytes;
    file.unsynced.clear();
}

void MemoryDisk::sync_folder(const MemoryNodePtr& folder) {
    std::vector<std::vector<NameChange>> left;
    for (auto& step : unsynced_) {
        const bool here = std::any_of(step.begin(), step.end(),
                                      [&](const auto& change) { return change.folder == folder; });
        if (!here) {
            left.push_back(std::move(step));
            continue;
        }
        for (const auto& change : step) {
            change.folder->durable_names.erase(change.name);
            if (change.node) change.folder->durable_names[change.name] = change.node;
        }
    }
    unsynced_ = std::move(left);
}

void MemoryDisk::lose_bytes(MemoryNode& file, std::mt19937_64& random) {
    for (auto change : file.unsynced) {
        const auto fate = random() % 4;
        if (fate == 0) continue;
        if (change.kind == MemoryNode::Change::Kind::write && fate >= 2) {
            const auto kept = static_cast<std::size_t>(random() % (change.bytes.size() + 1));
            if (fate == 2) {
                change.bytes.resize(kept);
            } else if (file.durable.size() < change.at + change.bytes.size()) {
                // The new size reached the disk, the bytes (or their tail) did not.
                std::fill(change.bytes.begin() + static_cast<std::ptrdiff_t>(kept), change.bytes.end(), '\0');
            }
        }
        apply(file.durable, change);
    }
    file.bytes = file.durable;
    file.unsynced.clear();
    file.exclusive_holder = nullptr;
    file.shared_holders.clear();
}

void MemoryDisk::settle_tree(const MemoryNodePtr& folder, std::mt19937_64& random) {
    std::vector<MemoryNodePtr> folders{folder};
    std::set<const MemoryNode*> seen;
    while (!folders.empty()) {
        const auto here = folders.back();
        folders.pop_back();
        here->names = here->durable_names;
        for (const auto& [name, node] : here->names) {
            if (seen.insert(node.get()).second) {
                node->links = 0;
                if (node->kind == FileStat::Kind::folder) folders.push_back(node);
                if (node->kind == FileStat::Kind::file) lose_bytes(*node, random);
            }
            ++node->links;
        }
    }
}

void MemoryDisk::lose_power(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    for (const auto& step : unsynced_) {
        if (random() % 2 == 0) continue;
        for (const auto& change : step) {
            change.folder->durable_names.erase(change.name);
            if (change.node) change.folder->durable_names[change.name] = change.node;
        }
    }
    unsynced_.clear();
    settle_tree(root_, random);
}

std::uint64_t MemoryDisk::used_bytes() const {
    std::uint64_t used = 0;
    std::vector<MemoryNodePtr> folders{root_};
    std::set<const MemoryNode*> seen;
    while (!folders.empty()) {
        const auto here = folders.back();
        folders.pop_back();
        for (const auto& [name, node] : here->names) {
            if (!seen.insert(node.get()).second) continue;
            used += node->bytes.size();
            if (node->kind == FileStat::Kind::folder) folders.push_back(node);
        }
    }
    return used;
}

}  // namespace sims::os
