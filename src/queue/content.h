// Content on its way in (the draft) and on its way out (readers).
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "os/file_system.h"
#include "queue/ledger.h"
#include "queue/spool.h"

namespace sims::queue {

// Opens what a ledger's source names. Blocks when it is a file.
Result<ContentPointer> open_content(os::FileSystem& files, ContentSource source);

// Gathers content in memory; beyond `inline_max` it goes on in a file of its own, which is removed again
// unless the draft is kept.
class ContentDraft final : public Draft {
public:
    struct Rules {
        std::uint64_t inline_max;
        std::uint64_t free_bytes_min;
    };
    ContentDraft(os::FileSystem& files, QueueId id, std::string path, Rules rules)
        : files_(files), id_(id), path_(std::move(path)), rules_(rules) {}
    ~ContentDraft() override;

    QueueId id() const override { return id_; }
    Result<> append(std::string_view bytes) override;
    std::uint64_t size() const override { return size_; }
    bool next_append_blocks(std::size_t bytes) const override;
    std::string_view beginning() const override;

    std::uint32_t crc() const { return crc_; }
    bool is_dead() const { return dead_; }
    bool has_file() const { return file_ != nullptr; }
    const std::string& path() const { return path_; }
    // The whole content, when there is no file.
    std::shared_ptr<const std::string> take_memory();
    // What is still in memory goes to the file, and the file to stable storage (its name does not).
    Result<> sync_file();
    void keep_file() { kept_ = true; }

private:
    Result<> flush();
    Result<> begin_file();

    os::FileSystem& files_;
    QueueId id_;
    std::string path_;
    Rules rules_;
    std::string memory_;     // everything, or what the file has not got yet
    std::string beginning_;  // of content that is in a file
    std::unique_ptr<os::File> file_;
    std::uint64_t written_ = 0;
    std::uint64_t size_ = 0;
    std::uint32_t crc_ = 0;
    bool dead_ = false;
    bool kept_ = false;
};

}  // namespace sims::queue
