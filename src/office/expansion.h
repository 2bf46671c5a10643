// From the recipients of an envelope to the recipients of a queued message: routed, mirrors unfolded, each
// place once.
#pragma once

#include <string>
#include <vector>

#include "mail/envelope.h"
#include "office/policy.h"
#include "os/file_system.h"
#include "queue/message.h"

namespace sims::office {

struct ExpansionLimits {
    static constexpr std::size_t list_bytes_max = 64 << 20;
    static constexpr std::size_t members_max = 1'000'000;  // of one message, all its mirrors together
};

// The addresses of a mirror's list file: one a line or several between commas, '#' begins a comment.
struct MirrorList {
    std::vector<mail::Address> members;
    struct BadLine {
        std::size_t number;
        std::string reason;
    };
    std::vector<BadLine> bad;  // skipped, the rest is served
};
MirrorList parse_mirror_list(std::string_view text);

struct Expansion {
    std::vector<queue::QueuedRecipient> recipients;
    std::vector<std::string>
        refused{};                 // why addresses the client named itself go nowhere any more: "5.1.1 ..."
    std::size_t discarded = 0;     // by NULL, blackhole, spamtrap
    std::vector<std::string> log;  // sentences about bad lines
};

class Expander {
public:
    // `base` is the base folder. Reads list files: blocks when a recipient is a mirror.
    Expander(const Policy& policy, os::FileSystem& files, std::string base)
        : policy_(policy), files_(files), base_(std::move(base)) {}

    // Error: a list that can't be read (temporary), or too many members (limit).
    Result<Expansion> expand(const mail::Envelope& envelope) const;
    // The mirrors whose lists expand() has to read, "L-list@example.org" with the main domain's name for bare
    // ones.
    std::vector<std::string> mirrors(const mail::Envelope& envelope) const;

private:
    const Policy& policy_;
    os::FileSystem& files_;
    std::string base_;
};

}  // namespace sims::office
