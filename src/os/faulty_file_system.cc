#include "os/faulty_file_system.h"

#include <algorithm>
#include <cerrno>

namespace sims::os {

using Kind = FileStat::Kind;
using Last = MemoryDisk::Last;

class FaultyFile final : public File {
public:
    FaultyFile(FaultyFileSystem& files, MemoryNodePtr node, std::string path, Open how)
        : files_(files), node_(std::move(node)), path_(std::move(path)), how_(how), life_(files.life_) {}
    ~FaultyFile() override { unlock(); }
    FaultyFile(const FaultyFile&) = delete;
    FaultyFile& operator=(const FaultyFile&) = delete;

    Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) const override {
        const std::lock_guard guard(files_.mutex_);
        if (auto fine = count(FaultyFileSystem::Effect::reads, "read"); !fine) return fine.error();
        const std::string& bytes = node_->bytes;
        const std::size_t got =
            offset >= bytes.size() ? 0 : std::min<std::size_t>(into.size(), bytes.size() - offset);
        if (got > 0) std::copy_n(bytes.data() + offset, got, into.data());
        ++files_.counts_.reads;
        files_.counts_.bytes_read += got;
        return got;
    }

    using File::write_at;
    Result<> write_at(std::uint64_t offset, std::span<const std::string_view> pieces) override {
        const std::lock_guard guard(files_.mutex_);
        if (how_ == Open::read) return system_error(EBADF, "write", path_);
        ++files_.counts_.writes;
        auto fine = count(FaultyFileSystem::Effect::mutates, "write");
        if (fine) return files_.write(*node_, offset, pieces, path_);
        if (life_ == files_.life_) {
            // A failed write may have written a part.
            std::string all;
            for (const auto piece : pieces) all += piece;
            all.resize(all.size() / 2);
            if (!all.empty()) files_.disk_.write(*node_, offset, all, files_.tick());
        }
        return fine;
    }

    Result<> truncate(std::uint64_t size) override {
        const std::lock_guard guard(files_.mutex_);
        if (how_ == Open::read) return system_error(EBADF, "truncate", path_);
        if (auto fine = count(FaultyFileSystem::Effect::mutates, "truncate"); !fine) return fine;
        files_.disk_.truncate(*node_, size, files_.tick());
        return {};
    }

    Result<> sync() override {
        const std::lock_guard guard(files_.mutex_);
        if (auto fine = count(FaultyFileSystem::Effect::mutates, "sync"); !fine) return fine;
        MemoryDisk::sync(*node_);
        ++files_.counts_.file_syncs;
        return {};
    }

    Result<FileStat> stat() const override {
        const std::lock_guard guard(files_.mutex_);
        if (auto fine = count(FaultyFileSystem::Effect::reads, "stat"); !fine) return fine.error();
        return stat_of(*node_);
    }

    Result<> try_lock(LockKind kind) override {
        const std::lock_guard guard(files_.mutex_);
        if (auto fine = count(FaultyFileSystem::Effect::reads, "lock"); !fine) return fine;
        auto& shared = node_->shared_holders;
        const bool others_share =
            shared.size() > (std::count(shared.begin(), shared.end(), this) > 0 ? 1U : 0U);
        const bool other_excludes = node_->exclusive_holder && node_->exclusive_holder != this;
        if (other_excludes || (kind == LockKind::exclusive && others_share)) {
            return fail(Fault::busy, path_ + ": locked by another program");
        }
        release();
        if (kind == LockKind::exclusive) {
            node_->exclusive_holder = this;
        } else {
            shared.push_back(this);
        }
        return {};
    }

    void unlock() override {
        const std::lock_guard guard(files_.mutex_);
        release();
    }

private:
    Result<> count(FaultyFileSystem::Effect effect, std::string_view operation) const {
        if (life_ != files_.life_)
            return system_error(EBADF, operation, path_ + " (opened before the crash)");
        return files_.count(effect, operation, path_);
    }
    void release() {
        if (node_->exclusive_holder == this) node_->exclusive_holder = nullptr;
        std::erase(node_->shared_holders, this);
    }

    FaultyFileSystem& files_;
    MemoryNodePtr node_;
    std::string path_;
    Open how_;
    std::uint64_t life_;
};

namespace {

class CopiedMapping final : public Mapping {
public:
    explicit CopiedMapping(std::string bytes) : bytes_(std::move(bytes)) {}
    std::string_view bytes() const override { return bytes_; }

private:
    std::string bytes_;
};

bool is_folder(const MemoryNodePtr& node) { return node->kind == Kind::folder; }

}  // namespace

FaultyFileSystem::FaultyFileSystem() = default;
FaultyFileSystem::~FaultyFileSystem() = default;

void FaultyFileSystem::fail(Failure failure) {
    const std::lock_guard guard(mutex_);
    failure_ = failure;
    counted_ = 0;
    has_failed_ = false;
}

bool FaultyFileSystem::has_failed() const {
    const std::lock_guard guard(mutex_);
    return has_failed_;
}

void FaultyFileSystem::heal() {
    const std::lock_guard guard(mutex_);
    failure_.reset();
}

void FaultyFileSystem::crash(std::uint64_t seed) {
    const std::lock_guard guard(mutex_);
    ++life_;
    failure_.reset();
    disk_.lose_power(seed);
}

void FaultyFileSystem::set_capacity(std::uint64_t bytes) {
    const std::lock_guard guard(mutex_);
    capacity_ = bytes;
}

void FaultyFileSystem::mount(const std::string& folder) {
    const std::lock_guard guard(mutex_);
    auto place = disk_.find(folder, Last::follow);
    check(place.has_value() && place->node && is_folder(place->node), "mount on something that is no folder");
    disk_.set_device(*place->node);
}

void FaultyFileSystem::set_time(TimePoint now) {
    const std::lock_guard guard(mutex_);
    now_ = now;
}

void FaultyFileSystem::touch(const std::string& path, TimePoint modified) {
    const std::lock_guard guard(mutex_);
    auto place = disk_.find(path, Last::follow);
    check(place.has_value() && place->node, "touch of something that is not there");
    place->node->modified = modified;
}

FaultyFileSystem::Counts FaultyFileSystem::counts() const {
    const std::lock_guard guard(mutex_);
    return counts_;
}

void FaultyFileSystem::reset_counts() {
    const std::lock_guard guard(mutex_);
    counts_ = {};
}

Result<> FaultyFileSystem::count(Effect effect, std::string_view operation, const std::string& path) const {
    ++counts_.operations;
    if (effect == Effect::mutates) ++counts_.mutations;
    if (!failure_) return {};
    const bool already_dead = has_failed_ && failure_->afterwards == Afterwards::stay_dead;
    const bool counts_now = effect == Effect::mutates || failure_->counted == Counted::all;
    if (counts_now) ++counted_;
    if (!already_dead && (!counts_now || counted_ != failure_->operation)) return {};
    has_failed_ = true;
    return system_error(failure_->error_number, operation, path);
}

Result<MemoryDisk::Place> FaultyFileSystem::writable_place(const std::string& path,
                                                           std::string_view operation) const {
    auto place = disk_.find(path, Last::keep);
    if (!place) return place;
    if (!place->folder) return system_error(EBUSY, operation, path);
    if ((place->folder->mode & 0200) == 0) return system_error(EACCES, operation, path);
    return place;
}

Result<> FaultyFileSystem::write(MemoryNode& node, std::uint64_t offset,
                                 std::span<const std::string_view> pieces, const std::string& path) {
    std::string all;
    for (const auto piece : pieces) all += piece;
    if (capacity_ != UINT64_MAX && offset + all.size() > node.bytes.size()) {
        const std::uint64_t grows = offset + all.size() - node.bytes.size();
        const std::uint64_t used = disk_.used_bytes();
        const std::uint64_t room = capacity_ > used ? capacity_ - used : 0;
        if (grows > room) {
            const std::uint64_t over = std::min<std::uint64_t>(grows - room, all.size());
            all.resize(all.size() - over);
            if (!all.empty()) disk_.write(node, offset, all, tick());
            return system_error(ENOSPC, "write", path);
        }
    }
    if (!all.empty()) disk_.write(node, offset, all, tick());
    return {};
}

Result<std::unique_ptr<File>> FaultyFileSystem::open(const std::string& path, Open how) {
    const std::lock_guard guard(mutex_);
    auto place = disk_.find(path, Last::follow);
    if (!place) return place.error();
    const bool may_make = how == Open::create || how == Open::create_new;
    const bool makes = may_make && !place->node;
    if (auto fine = count(makes ? Effect::mutates : Effect::reads, "open", path); !fine) return fine.error();
    if (how == Open::create_new) {
        auto kept = disk_.find(path, Last::keep);
        if (!kept) return kept.error();
        if (kept->node) return system_error(EEXIST, "open", path);
    }
    if (makes && (place->folder->mode & 0200) == 0) return system_error(EACCES, "open", path);
    if (makes) place->node = disk_.make(*place, Kind::file, tick());
    if (!place->node) return system_error(ENOENT, "open", path);
    if (how != Open::read && place->node->kind == Kind::folder) return system_error(EISDIR, "open", path);
    if (how != Open::read && (place->node->mode & 0200) == 0) return system_error(EACCES, "open", path);
    return std::unique_ptr<File>(std::make_unique<FaultyFile>(*this, place->node, path, how));
}

Result<std::unique_ptr<Mapping>> FaultyFileSystem::map(const std::string& path) {
    const std::lock_guard guard(mutex_);
    if (auto fine = count(Effect::reads, "map", path); !fine) return fine.error();
    auto place = disk_.find(path, Last::follow);
    if (!place) return place.error();
    if (!place->node) return system_error(ENOENT, "map", path);
    if (is_folder(place->node)) return system_error(EISDIR, "map", path);
    return std::unique_ptr<Mapping>(std::make_unique<CopiedMapping>(place->node->bytes));
}

Result<FileStat> FaultyFileSystem::stat(const std::string& path) const {
    const std::lock_guard guard(mutex_);
    if (auto fine = count(Effect::reads, "stat", path); !fine) return fine.error();
    auto place = disk_.find(path, Last::follow);
    if (!place) return place.error();
    if (!place->node) return system_error(ENOENT, "stat", path);
    return stat_of(*place->node);
}

Result<FileStat> FaultyFileSystem::lstat(const std::string& path) const {
    const std::lock_guard guard(mutex_);
    if (auto fine = count(Effect::reads, "stat", path); !fine) return fine.error();
    auto place = disk_.find(path, Last::keep);
    if (!place) return place.error();
    if (!place->node) return system_error(ENOENT, "stat", path);
    return stat_of(*place->node);
}

Result<std::string> FaultyFileSystem::real_path(const std::string& path) const {
    const std::lock_guard guard(mutex_);
    if (auto fine = count(Effect::reads, "resolve", path); !fine) return fine.error();
    auto place = disk_.find(path, Last::follow);
    if (!place) return place.error();
    if (!place->node) return system_error(ENOENT, "resolve", path);
    return place->path;
}

Result<std::string> FaultyFileSystem::read_link(const std::string& path) const {
    const std::lock_guard guard(mutex_);
    if (auto fine = count(Effect::reads, "read link", path); !fine) return fine.error();
    auto place = disk_.find(path, Last::keep);
    if (!place) return place.error();
    if (!place->node) return system_error(ENOENT, "read link", path);
    if (place->node->kind != Kind::link) return system_error(EINVAL, "read link", path);
    return place->node->target;
}

Result<> FaultyFileSystem::rename(const std::string& from, const std::string& to) {
    const std::lock_guard guard(mutex_);
    if (auto fine = count(Effect::mutates, "rename", from); !fine) return fine;
    auto source = writable_place(from, "rename");
    if (!source) return source.error();
    auto target = writable_place(to, "rename");
    if (!target) return target.error();
    if (!source->node) return system_error(ENOENT, "rename", from);
    if (source->folder->device != target->folder->device) return system_error(EXDEV, "rename", from);
    if (target->node == source->node) return {};
    if (target->node && is_folder(target->node) != is_folder(source->node)) {
        return system_error(is_folder(target->node) ? EISDIR : ENOTDIR, "rename", to);
    }
    if (target->node && is_folder(target->node) && !target->node->names.empty()) {
        return system_error(ENOTEMPTY, "rename", to);
    }
    disk_.change_names(
        {{source->folder, source->name, nullptr}, {target->folder, target->name, source->node}}, tick());
    return {};
}

Result<> FaultyFileSystem::link(const std::string& from, const std::string& to) {
    const std::lock_guard guard(mutex_);
    if (auto fine = count(Effect::mutates, "link", to); !fine) return fine;
    auto source = disk_.find(from, Last::keep);
    if (!source) return source.error();
    if (!source->node) return system_error(ENOENT, "link", from);
    auto target = writable_place(to, "link");
    if (!target) return target.error();
    if (target->node) return system_error(EEXIST, "link", to);
    if (is_folder(source->node)) return system_error(EPERM, "link", from);
    if (source->node->device != target->folder->device) return system_error(EXDEV, "link", to);
    disk_.change_names({{target->folder, target->name, source->node}}, tick());
    return {};
}

Result<> FaultyFileSystem::symlink(const std::string& target, const std::string& path) {
    const std::lock_guard guard(mutex_);
    if (auto fine = count(Effect::mutates, "make link", path); !fine) return fine;
    auto place = writable_place(path, "make link");
    if (!place) return place.error();
    if (place->node) return system_error(EEXIST, "make link", path);
    disk_.make(*place, Kind::link, tick())->target = target;
    return {};
}

Result<> FaultyFileSystem::remove(const std::string& path) {
    const std::lock_guard guard(mutex_);
    if (auto fine = count(Effect::mutates, "remove", path); !fine) return fine;
    auto place = writable_place(path, "remove");
    if (!place) return place.error();
    if (!place->node) return system_error(ENOENT, "remove", path);
    if (is_folder(place->node)) return system_error(EISDIR, "remove", path);
    disk_.change_names({{place->folder, place->name, nullptr}}, tick());
    return {};
}

Result<> FaultyFileSystem::remove_folder(const std::string& path) {
    const std::lock_guard guard(mutex_);
    if (auto fine = count(Effect::mutates, "remove folder", path); !fine) return fine;
    auto place = writable_place(path, "remove folder");
    if (!place) return place.error();
    if (!place->node) return system_error(ENOENT, "remove folder", path);
    if (!is_folder(place->node)) return system_error(ENOTDIR, "remove folder", path);
    if (!place->node->names.empty()) return system_error(ENOTEMPTY, "remove folder", path);
    disk_.change_names({{place->folder, place->name, nullptr}}, tick());
    return {};
}

Result<> FaultyFileSystem::make_folder(const std::string& path) {
    const std::lock_guard guard(mutex_);
    if (auto fine = count(Effect::mutates, "make folder", path); !fine) return fine;
    for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        auto place = disk_.find(path.substr(0, slash), Last::follow);
        if (!place) return place.error();
        if (place->node && !is_folder(place->node)) return system_error(ENOTDIR, "make folder", path);
        if (!place->node) {
            if ((place->folder->mode & 0200) == 0) return system_error(EACCES, "make folder", path);
            disk_.make(*place, Kind::folder, tick());
        }
        if (slash == std::string::npos) return {};
    }
}

Result<> FaultyFileSystem::set_owner_and_mode(const std::string& path, const FileStat& like) {
    const std::lock_guard guard(mutex_);
    if (auto fine = count(Effect::mutates, "change mode", path); !fine) return fine;
    auto place = disk_.find(path, Last::follow);
    if (!place) return place.error();
    if (!place->node) return system_error(ENOENT, "change mode", path);
    place->node->mode = like.mode & 07777;
    place->node->owner = like.owner;
    place->node->group = like.group;
    return {};
}

Result<std::vector<std::string>> FaultyFileSystem::list(const std::string& path) const {
    const std::lock_guard guard(mutex_);
    if (auto fine = count(Effect::reads, "list", path); !fine) return fine.error();
    auto place = disk_.find(path, Last::follow);
    if (!place) return place.error();
    if (!place->node) return system_error(ENOENT, "list", path);
    if (!is_folder(place->node)) return system_error(ENOTDIR, "list", path);
    std::vector<std::string> names;
    for (const auto& [name, node] : place->node->names) names.push_back(name);
    return names;
}

Result<> FaultyFileSystem::sync_folder(const std::string& path) {
    const std::lock_guard guard(mutex_);
    if (auto fine = count(Effect::mutates, "sync", path); !fine) return fine;
    auto place = disk_.find(path, Last::follow);
    if (!place) return place.error();
    if (!place->node) return system_error(ENOENT, "sync", path);
    if (!is_folder(place->node)) return system_error(ENOTDIR, "sync", path);
    disk_.sync_folder(place->node);
    ++counts_.folder_syncs;
    return {};
}

Result<std::uint64_t> FaultyFileSystem::free_bytes(const std::string& path) const {
    const std::lock_guard guard(mutex_);
    if (auto fine = count(Effect::reads, "stat", path); !fine) return fine.error();
    const std::uint64_t used = disk_.used_bytes();
    return capacity_ > used ? capacity_ - used : 0;
}

}  // namespace sims::os
