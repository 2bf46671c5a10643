#include "queue/content.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"

namespace sims::queue {

namespace {

constexpr std::size_t chunk_bytes = 256 << 10;    // to the content file at a time
constexpr std::size_t beginning_max = 128 << 10;  // kept of content that is in a file

class MemoryContent final : public Content {
public:
    explicit MemoryContent(std::shared_ptr<const std::string> bytes) : bytes_(std::move(bytes)) {}
    std::uint64_t size() const override { return bytes_->size(); }
    std::optional<std::string_view> in_memory() const override { return *bytes_; }
    Result<std::string> read(std::uint64_t offset, std::size_t bytes_max) const override {
        if (offset >= bytes_->size()) return std::string();
        return bytes_->substr(offset, bytes_max);
    }

private:
    std::shared_ptr<const std::string> bytes_;  // also held by the spool's entry
};

class FileContent final : public Content {
public:
    FileContent(std::shared_ptr<os::File> file, std::uint64_t offset, std::uint64_t size)
        : file_(std::move(file)), offset_(offset), size_(size) {}
    std::uint64_t size() const override { return size_; }
    std::optional<std::string_view> in_memory() const override { return std::nullopt; }
    Result<std::string> read(std::uint64_t offset, std::size_t bytes_max) const override {
        if (offset >= size_) return std::string();
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(bytes_max, size_ - offset));
        auto bytes = file_->read_text(offset_ + offset, wanted);
        if (bytes && bytes->size() < wanted) {
            return fail(Fault::corrupt, "the content of a queued message ends too soon");
        }
        return bytes;
    }

private:
    std::shared_ptr<os::File> file_;  // a segment's is also held by the spool, and by other readers
    std::uint64_t offset_;
    std::uint64_t size_;
};

Result<> check_content(const Content& content, std::uint32_t expected, const std::string& path) {
    std::uint32_t sum = 0;
    for (std::uint64_t at = 0; at < content.size(); at += chunk_bytes) {
        const auto piece = content.read(at, chunk_bytes);
        if (!piece) return piece.error();
        sum = crc32(*piece, sum);
    }
    if (sum == expected) return {};
    return fail(Fault::corrupt, fmt::format("{}: the content is damaged (its checksum is wrong)", path));
}

}  // namespace

Result<ContentPointer> open_content(os::FileSystem& files, ContentSource source) {
    if (source.memory) return ContentPointer(std::make_shared<MemoryContent>(std::move(source.memory)));
    if (source.file) {
        return ContentPointer(
            std::make_shared<FileContent>(std::move(source.file), source.offset, source.size));
    }
    auto file = files.open(source.path, os::Open::read);
    if (!file) return file.error();
    const auto stat = (*file)->stat();
    if (!stat) return stat.error();
    if (stat->size < source.size) {
        return fail(Fault::corrupt, fmt::format("{} is shorter than its content", source.path));
    }
    auto content = std::make_shared<FileContent>(std::move(*file), stat->size - source.size, source.size);
    if (source.check) {
        if (const auto sound = check_content(*content, *source.check, source.path); !sound)
            return sound.error();
    }
    return ContentPointer(std::move(content));
}

ContentDraft::~ContentDraft() {
    if (!file_ || kept_) return;
    file_.reset();
    // Nobody names the file yet; what cannot be removed now is swept up at the next start.
    static_cast<void>(files_.remove(path_));
}

Result<> ContentDraft::append(std::string_view bytes) {
    if (dead_) return fail(Fault::io, "the content of this message could not be written");
    if (next_append_blocks(bytes.size()) && !file_) {
        if (auto begun = begin_file(); !begun) return begun;
    }
    memory_.append(bytes);
    size_ += bytes.size();
    crc_ = crc32(bytes, crc_);
    if (file_ && memory_.size() >= chunk_bytes) return flush();
    return {};
}

bool ContentDraft::next_append_blocks(std::size_t bytes) const {
    return file_ ? memory_.size() + bytes >= chunk_bytes : size_ + bytes > rules_.inline_max;
}

std::string_view ContentDraft::beginning() const { return file_ ? beginning_ : memory_; }

std::shared_ptr<const std::string> ContentDraft::take_memory() {
    check(!file_, "content of a file taken from memory");
    return std::make_shared<const std::string>(std::move(memory_));
}

Result<> ContentDraft::begin_file() {
    auto file = files_.open(path_, os::Open::create_new);
    if (!file) {
        dead_ = true;
        return file.error();
    }
    file_ = std::move(*file);
    beginning_ = memory_.substr(0, beginning_max);
    return flush();
}

Result<> ContentDraft::flush() {
    if (memory_.empty()) return {};
    dead_ = true;
    const auto space = files_.free_bytes(path_);
    if (!space) return space.error();
    if (*space < rules_.free_bytes_min + memory_.size()) {
        return fail(Fault::no_space, fmt::format("{}: the disk is almost full", path_));
    }
    if (auto written = file_->write_at(written_, memory_); !written) return written;
    if (beginning_.size() < beginning_max && written_ == beginning_.size()) {
        beginning_.append(memory_, 0, beginning_max - beginning_.size());
    }
    written_ += memory_.size();
    memory_.clear();
    dead_ = false;
    return {};
}

Result<> ContentDraft::sync_file() {
    if (auto flushed = flush(); !flushed) return flushed;
    return file_->sync();
}

}  // namespace sims::queue
