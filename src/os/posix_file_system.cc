#include "os/posix_file_system.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

namespace sims::os {
namespace {

template <class Call>
auto uninterrupted(Call call) {
    for (;;) {
        const auto result = call();
        if (result >= 0 || errno != EINTR) return result;
    }
}

Result<> done_or_error(int result, std::string_view operation, const std::string& path) {
    if (result < 0) return system_error(errno, operation, path);
    return {};
}

FileStat::Kind kind_of(mode_t mode) {
    if (S_ISREG(mode)) return FileStat::Kind::file;
    if (S_ISDIR(mode)) return FileStat::Kind::folder;
    if (S_ISLNK(mode)) return FileStat::Kind::link;
    return FileStat::Kind::other;
}

FileStat from_system(const struct ::stat& found) {
    const auto since =
        std::chrono::seconds(found.st_mtim.tv_sec) + std::chrono::nanoseconds(found.st_mtim.tv_nsec);
    FileStat stat;
    stat.size = static_cast<std::uint64_t>(found.st_size);
    stat.inode = found.st_ino;
    stat.device = found.st_dev;
    stat.modified = TimePoint(std::chrono::floor<std::chrono::microseconds>(since));
    stat.mode = found.st_mode & 07777;
    stat.owner = found.st_uid;
    stat.group = found.st_gid;
    stat.links = static_cast<std::uint32_t>(found.st_nlink);
    stat.kind = kind_of(found.st_mode);
    return stat;
}

class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int number() const { return number_; }
    bool is_open() const { return number_ >= 0; }

private:
    int number_;
};

class PosixFile final : public File {
public:
    PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}

    Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) const override {
        std::size_t done = 0;
        while (done < into.size()) {
            const auto got = uninterrupted([&] {
                return ::pread(descriptor_.number(), into.data() + done, into.size() - done,
                               static_cast<off_t>(offset + done));
            });
            if (got < 0) return system_error(errno, "read", path_);
            if (got == 0) break;
            done += static_cast<std::size_t>(got);
        }
        return done;
    }

    using File::write_at;
    Result<> write_at(std::uint64_t offset, std::span<const std::string_view> pieces) override {
        std::array<iovec, IOV_MAX> vectors;
        std::size_t next = 0;     // the first piece not wholly written
        std::size_t skipped = 0;  // what of it is written
        while (next < pieces.size()) {
            if (skipped == pieces[next].size()) {
                ++next;
                skipped = 0;
                continue;
            }
            std::size_t count = 0;
            for (std::size_t i = next; i < pieces.size() && count < vectors.size(); ++i) {
                const auto piece = pieces[i].substr(i == next ? skipped : 0);
                // writev's vectors are not const, what it reads is.
                vectors[count++] = {const_cast<char*>(piece.data()), piece.size()};
            }
            const auto wrote = uninterrupted([&] {
                return ::pwritev(descriptor_.number(), vectors.data(), static_cast<int>(count),
                                 static_cast<off_t>(offset));
            });
            if (wrote < 0) return system_error(errno, "write", path_);
            if (wrote == 0) return system_error(EIO, "write", path_);
            offset += static_cast<std::uint64_t>(wrote);
            auto left = static_cast<std::size_t>(wrote);
            while (left > 0) {
                const std::size_t step = std::min(left, pieces[next].size() - skipped);
                left -= step;
                skipped += step;
                if (skipped == pieces[next].size()) {
                    ++next;
                    skipped = 0;
                }
            }
        }
        return {};
    }

    Result<> truncate(std::uint64_t size) override {
        return done_or_error(
            uninterrupted([&] { return ::ftruncate(descriptor_.number(), static_cast<off_t>(size)); }),
            "truncate", path_);
    }

    Result<> sync() override {
        return done_or_error(uninterrupted([&] { return ::fdatasync(descriptor_.number()); }), "sync", path_);
    }

    Result<FileStat> stat() const override {
        struct ::stat found {};
        if (::fstat(descriptor_.number(), &found) < 0) return system_error(errno, "stat", path_);
        return from_system(found);
    }

    Result<> try_lock(LockKind kind) override {
        if (set_lock(kind == LockKind::exclusive ? F_WRLCK : F_RDLCK) == 0) return {};
        if (errno == EAGAIN || errno == EACCES) {
            return fail(Fault::busy, path_ + ": locked by another program");
        }
        return system_error(errno, "lock", path_);
    }

    void unlock() override { set_lock(F_UNLCK); }

    void advise_sequential() const override {
        ::posix_fadvise(descriptor_.number(), 0, 0, POSIX_FADV_SEQUENTIAL);
    }

private:
    int set_lock(short type) {
        struct flock lock {};
        lock.l_type = type;
        lock.l_whence = SEEK_SET;
        return uninterrupted([&] { return ::fcntl(descriptor_.number(), F_OFD_SETLK, &lock); });
    }

    Descriptor descriptor_;
    std::string path_;
};

class PosixMapping final : public Mapping {
public:
    PosixMapping(void* address, std::size_t size) : address_(address), size_(size) {}
    ~PosixMapping() override {
        if (size_ > 0) ::munmap(address_, size_);
    }
    PosixMapping(const PosixMapping&) = delete;
    PosixMapping& operator=(const PosixMapping&) = delete;
    std::string_view bytes() const override {
        return size_ == 0 ? std::string_view() : std::string_view(static_cast<const char*>(address_), size_);
    }

private:
    void* address_;
    std::size_t size_;
};

int flags_of(Open how) {
    // O_NONBLOCK: a named pipe in the place of a file must not hold us up; regular files ignore it.
    const int always = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    switch (how) {
        case Open::read: return always | O_RDONLY;
        case Open::read_write: return always | O_RDWR;
        case Open::create: return always | O_RDWR | O_CREAT;
        case Open::create_new: return always | O_RDWR | O_CREAT | O_EXCL;
    }
    return always | O_RDONLY;
}

class PosixFileSystem final : public FileSystem {
public:
    Result<std::unique_ptr<File>> open(const std::string& path, Open how) override {
        const int number = uninterrupted([&] { return ::open(path.c_str(), flags_of(how), 0600); });
        if (number < 0) return system_error(errno, "open", path);
        return std::unique_ptr<File>(std::make_unique<PosixFile>(number, path));
    }

    Result<std::unique_ptr<Mapping>> map(const std::string& path) override {
        const Descriptor file(uninterrupted([&] { return ::open(path.c_str(), flags_of(Open::read)); }));
        if (!file.is_open()) return system_error(errno, "open", path);
        struct ::stat found {};
        if (::fstat(file.number(), &found) < 0) return system_error(errno, "stat", path);
        if (S_ISDIR(found.st_mode)) return system_error(EISDIR, "map", path);
        const auto size = static_cast<std::size_t>(found.st_size);
        if (size == 0) return std::unique_ptr<Mapping>(std::make_unique<PosixMapping>(nullptr, 0));
        void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number(), 0);
        if (address == MAP_FAILED) return system_error(errno, "map", path);
        return std::unique_ptr<Mapping>(std::make_unique<PosixMapping>(address, size));
    }

    Result<FileStat> stat(const std::string& path) const override {
        struct ::stat found {};
        if (::stat(path.c_str(), &found) < 0) return system_error(errno, "stat", path);
        return from_system(found);
    }

    Result<FileStat> lstat(const std::string& path) const override {
        struct ::stat found {};
        if (::lstat(path.c_str(), &found) < 0) return system_error(errno, "stat", path);
        return from_system(found);
    }

    Result<std::string> real_path(const std::string& path) const override {
        const std::unique_ptr<char, decltype(&::free)> found(::realpath(path.c_str(), nullptr), &::free);
        if (!found) return system_error(errno, "resolve", path);
        return std::string(found.get());
    }

    Result<std::string> read_link(const std::string& path) const override {
        std::string target(PATH_MAX, '\0');
        const auto size = ::readlink(path.c_str(), target.data(), target.size());
        if (size < 0) return system_error(errno, "read link", path);
        target.resize(static_cast<std::size_t>(size));
        return target;
    }

    Result<> rename(const std::string& from, const std::string& to) override {
        return done_or_error(::rename(from.c_str(), to.c_str()), "rename", from + " to " + to);
    }
    Result<> link(const std::string& from, const std::string& to) override {
        return done_or_error(::link(from.c_str(), to.c_str()), "link", from + " to " + to);
    }
    Result<> symlink(const std::string& target, const std::string& path) override {
        return done_or_error(::symlink(target.c_str(), path.c_str()), "make link", path);
    }
    Result<> remove(const std::string& path) override {
        return done_or_error(::unlink(path.c_str()), "remove", path);
    }
    Result<> remove_folder(const std::string& path) override {
        return done_or_error(::rmdir(path.c_str()), "remove folder", path);
    }

    Result<> make_folder(const std::string& path) override {
        if (::mkdir(path.c_str(), 0700) == 0) return {};
        if (errno == EEXIST) {
            auto there = stat(path);
            if (!there) return there.error();
            if (there->kind == FileStat::Kind::folder) return {};
            return system_error(ENOTDIR, "make folder", path);
        }
        const std::string parent = folder_of(path);
        if (errno != ENOENT || parent == path || parent == ".") {
            return system_error(errno, "make folder", path);
        }
        if (auto made = make_folder(parent); !made) return made;
        if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
        return system_error(errno, "make folder", path);
    }

    Result<> set_owner_and_mode(const std::string& path, const FileStat& like) override {
        auto now = stat(path);
        if (!now) return now.error();
        if ((now->owner != like.owner || now->group != like.group) &&
            ::chown(path.c_str(), like.owner, like.group) < 0) {
            return system_error(errno, "change owner", path);
        }
        // After the owner: chown takes the set-id bits away.
        return done_or_error(::chmod(path.c_str(), like.mode & 07777), "change mode", path);
    }

    Result<std::vector<std::string>> list(const std::string& path) const override {
        const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), &::closedir);
        if (!folder) return system_error(errno, "list", path);
        std::vector<std::string> names;
        for (;;) {
            errno = 0;
            const dirent* entry = ::readdir(folder.get());
            if (!entry) break;
            const std::string_view name = entry->d_name;
            if (name != "." && name != "..") names.emplace_back(name);
        }
        if (errno != 0) return system_error(errno, "list", path);
        return names;
    }

    Result<> sync_folder(const std::string& path) override {
        const Descriptor folder(
            uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
        if (!folder.is_open()) return system_error(errno, "open", path);
        const int result = uninterrupted([&] { return ::fsync(folder.number()); });
        // Some file systems cannot sync a folder and say so with EINVAL; there is nothing better to do there.
        if (result < 0 && errno != EINVAL) return system_error(errno, "sync", path);
        return {};
    }

    Result<std::uint64_t> free_bytes(const std::string& path) const override {
        struct statvfs found {};
        if (uninterrupted([&] { return ::statvfs(path.c_str(), &found); }) < 0) {
            return system_error(errno, "stat", path);
        }
        return static_cast<std::uint64_t>(found.f_bavail) * found.f_frsize;
    }
};

}  // namespace

std::unique_ptr<FileSystem> make_posix_file_system() { return std::make_unique<PosixFileSystem>(); }

}  // namespace sims::os
