// The segments' files: made, begun, freed, each in durable steps (docs/formats/spool.md "Moves"). Not
// thread-safe: the keeper's alone.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/file_system.h"
#include "queue/ledger.h"
#include "queue/spool.h"

namespace sims::queue {

inline constexpr std::string_view segment_prefix = "journal-";
inline constexpr std::string_view spare_prefix = "spare-";
inline constexpr std::string_view half_made_suffix = ".tmp";
inline constexpr std::string_view damaged_suffix = ".damaged";

// "journal-000000000000002a" for 42, and back: nothing for any other name.
std::string numbered_name(std::string_view prefix, std::uint64_t number);
std::optional<std::uint64_t> parse_numbered(std::string_view prefix, std::string_view name);

class SegmentStore {
public:
    SegmentStore(os::FileSystem& files, std::string folder, const SpoolLimits& limits)
        : files_(files), folder_(std::move(folder)), limits_(limits) {}

    // A spare file that was found; the number of the next segment is above `generation`.
    void adopt_spare(std::string path) { spares_.push_back(std::move(path)); }
    void begin_above(std::uint64_t generation) { next_ = generation + 1; }

    // An empty segment, ready to be written to: from a spare, or a new one when there is space for it.
    Result<std::unique_ptr<Segment>> prepare(QueueId last_id);
    // The segment is needed no more. After an Error it is still there (or may be after a crash): try again.
    Result<> free(Segment& segment);

private:
    Result<std::unique_ptr<Segment>> begin(const std::string& spare, QueueId last_id);
    Result<std::string> make_spare();
    Result<> write_zeros(const std::string& path);

    os::FileSystem& files_;
    std::string folder_;
    const SpoolLimits& limits_;
    std::uint64_t next_ = 1;
    std::vector<std::string> spares_;
};

}  // namespace sims::queue
