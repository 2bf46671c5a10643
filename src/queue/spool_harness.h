// For tests: a spool on a disk in memory, small segments, waiting calls.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "os/faulty_file_system.h"
#include "queue/spool.h"

namespace sims::queue {

inline mail::Address address(std::string_view text) { return mail::Address::parse(text).value(); }

inline QueuedRecipient recipient(std::string_view text) { return QueuedRecipient{address(text)}; }

// 8 KiB segments, three of them: everything happens soon.
inline SpoolLimits small_limits() {
    SpoolLimits limits;
    limits.segment_bytes = 8192;
    limits.segments_max = 3;
    limits.spare_segments = 1;
    limits.inline_content_max = 2048;
    limits.free_bytes_min = 0;
    return limits;
}

class Harness {
public:
    explicit Harness(SpoolLimits spool_limits = small_limits()) : limits(spool_limits) {
        EXPECT_TRUE(disk.make_folder("/base"));
        EXPECT_TRUE(disk.sync_folder("/"));
        open();
    }

    void open() {
        auto opened = try_open();
        ASSERT_TRUE(opened) << opened.error().text;
        spool = std::move(*opened);
        recovered = spool->take_recovered();
    }
    Result<std::unique_ptr<Spool>> try_open() {
        return Spool::open(
            disk, folder, limits, [this] { return TimePoint(Duration(clock.fetch_add(1000))); }, log);
    }
    void reopen() {
        spool.reset();
        open();
    }
    // Power loss. The threads of the old life end against a dead disk before the new one begins.
    void crash(std::uint64_t seed) {
        disk.fail({.counted = os::FaultyFileSystem::Counted::all,
                   .afterwards = os::FaultyFileSystem::Afterwards::stay_dead});
        spool.reset();
        disk.crash(seed);
        open();
    }

    Result<QueueId> commit(std::string_view text, std::vector<std::string> recipients,
                           std::vector<MailboxNote> notes = {}) {
        auto draft = spool->draft();
        if (!draft) return draft.error();
        const QueueId id = (*draft)->id();
        last_draft = id.value;
        if (auto appended = (*draft)->append(text); !appended) return appended.error();
        QueuedMessage message;
        message.sender.address = address("joe@example.org");
        for (const auto& name : recipients) message.recipients.push_back(recipient(name));
        std::promise<Result<>> answer;
        spool->commit(std::move(*draft), std::move(message), std::move(notes),
                      [&](Result<> result) { answer.set_value(std::move(result)); });
        const auto result = answer.get_future().get();
        if (!result) return result.error();
        return id;
    }
    Result<> update(std::vector<Update> updates) {
        std::promise<Result<>> answer;
        spool->update(std::move(updates), [&](Result<> result) { answer.set_value(std::move(result)); });
        return answer.get_future().get();
    }
    Update delivered(QueueId id, std::size_t index) const {
        Update update{id, index, recipient("ann@example.net")};
        update.now.state = RecipientState::delivered;
        return update;
    }
    Result<> deliver(QueueId id, std::size_t index) { return update({delivered(id, index)}); }

    // The whole content, or the error's sentence.
    std::string text_of(QueueId id) const {
        const auto content = spool->content(id);
        if (!content) return content.error().text;
        std::string text;
        while (text.size() < (*content)->size()) {
            const auto piece = (*content)->read(text.size(), 1000);
            if (!piece) return piece.error().text;
            if (piece->empty()) break;
            text += *piece;
        }
        return text;
    }
    std::vector<std::string> names() const { return disk.list(folder).value(); }
    bool has_file(const std::string& name) const { return disk.stat(folder + '/' + name).has_value(); }
    std::size_t segment_count() const {
        std::size_t count = 0;
        for (const auto& name : names()) count += name.starts_with("journal-") ? 1 : 0;
        return count;
    }
    std::optional<std::uint64_t> note_of(std::string_view mailbox) const {
        for (const auto& note : recovered.notes) {
            if (note.mailbox == mailbox) return note.clean_length;
        }
        return std::nullopt;
    }
    // What the spool's own thread does in its own time.
    void wait_until(const std::function<bool()>& holds) const {
        for (int i = 0; i < 5000 && !holds(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        EXPECT_TRUE(holds());
    }

    const std::string folder = "/base/Queue";
    os::FaultyFileSystem disk;
    NullLog log;
    SpoolLimits limits;
    std::atomic<std::int64_t> clock{1'795'000'000'000'000};
    std::unique_ptr<Spool> spool;
    Recovered recovered;
    std::atomic<std::uint64_t> last_draft{0};
};

}  // namespace sims::queue
