// The file system as SIMS uses it, behind an interface: the real one (posix_file_system.h) and a faulty twin
// for tests (faulty_file_system.h) that fails the N-th operation and forgets what was not synced. Says
// nothing of mail. Thread-safe: any object may be used by any thread, a File by several at once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace sims::os {

struct FileStat {
    std::uint64_t size = 0;
    std::uint64_t inode = 0;
    std::uint64_t device = 0;
    TimePoint modified{};    // to the microsecond
    std::uint32_t mode = 0;  // permission bits, 07777
    std::uint32_t owner = 0;
    std::uint32_t group = 0;
    std::uint32_t links = 0;
    enum class Kind { file, folder, link, other } kind = Kind::file;
};

// Why a lock was not had is an Error with Fault::busy.
enum class LockKind { shared, exclusive };

class File {
public:
    virtual ~File() = default;

    // Fills `into` from `offset`; fewer bytes only at the end of the file.
    virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) const = 0;
    // Writes all pieces, one after the other, at `offset`: everything, or an Error (then any part may be
    // there). One system call where the kernel allows.
    virtual Result<> write_at(std::uint64_t offset, std::span<const std::string_view> pieces) = 0;
    virtual Result<> truncate(std::uint64_t size) = 0;
    // The bytes, and what is needed to find them (size), are on stable storage when it returns: fdatasync.
    // After an Error nothing is known of any byte written since the last success.
    virtual Result<> sync() = 0;
    virtual Result<FileStat> stat() const = 0;
    // Locks the whole file against other processes' fcntl locks (an open-file-description lock). Does not
    // wait. Let go of by unlock() or the destructor.
    virtual Result<> try_lock(LockKind kind) = 0;
    virtual void unlock() = 0;
    // Tells the kernel the range will be read once, front to back, soon. Advice only.
    virtual void advise_sequential() const {}

    Result<> write_at(std::uint64_t offset, std::string_view bytes) {
        const std::string_view pieces[] = {bytes};
        return write_at(offset, std::span<const std::string_view>(pieces));
    }
    // The `count` bytes at `offset`, or as many as there are.
    Result<std::string> read_text(std::uint64_t offset, std::size_t count) const;
};

enum class Open {
    read,        // must exist
    read_write,  // must exist
    create,      // read and write; made (mode 0600) when it is not there
    create_new,  // read and write; Fault::exists when there is one
};

// A read-only view of a whole file, mapped where the system can.
class Mapping {
public:
    virtual ~Mapping() = default;
    virtual std::string_view bytes() const = 0;
};

// Paths are absolute. Symbolic links are followed, except by lstat(), remove(), rename(), read_link().
class FileSystem {
public:
    virtual ~FileSystem() = default;

    virtual Result<std::unique_ptr<File>> open(const std::string& path, Open how) = 0;
    virtual Result<std::unique_ptr<Mapping>> map(const std::string& path) = 0;
    virtual Result<FileStat> stat(const std::string& path) const = 0;
    virtual Result<FileStat> lstat(const std::string& path) const = 0;
    // With every symbolic link resolved; Fault::not_found when the target is not there (a dangling link).
    virtual Result<std::string> real_path(const std::string& path) const = 0;
    virtual Result<std::string> read_link(const std::string& path) const = 0;
    // Replaces `to` in one step. Durable only after sync_folder().
    virtual Result<> rename(const std::string& from, const std::string& to) = 0;
    // A second name; Fault::exists when `to` is there. The one atomic "make it if nobody did".
    virtual Result<> link(const std::string& from, const std::string& to) = 0;
    virtual Result<> symlink(const std::string& target, const std::string& path) = 0;
    virtual Result<> remove(const std::string& path) = 0;         // a file or a link
    virtual Result<> remove_folder(const std::string& path) = 0;  // an empty one
    virtual Result<> make_folder(
        const std::string& path) = 0;  // mode 0700, with its parents; fine when there
    virtual Result<> set_owner_and_mode(const std::string& path, const FileStat& like) = 0;
    // Names, without "." and "..", in no order.
    virtual Result<std::vector<std::string>> list(const std::string& path) const = 0;
    // What was made, renamed or removed in the folder is on stable storage when it returns.
    virtual Result<> sync_folder(const std::string& path) = 0;
    // Bytes an ordinary user can still write on the file system that holds `path`.
    virtual Result<std::uint64_t> free_bytes(const std::string& path) const = 0;
};

// The whole of a file, at most `bytes_max` (Fault::limit beyond).
Result<std::string> read_file(FileSystem& files, const std::string& path, std::size_t bytes_max);
// Replaces the file in one durable step: a synced temporary file beside it, renamed, the folder synced.
Result<> replace_file(FileSystem& files, const std::string& path, std::string_view bytes);
// "/a/b" of "/a/b/c", and "c".
std::string folder_of(std::string_view path);
std::string name_in(std::string_view path);

}  // namespace sims::os
