// Finds the messages in the bytes of a mailbox, in chunks of any size, whoever wrote them. Pure and total:
// any bytes give a list of messages (docs/formats/mailbox.md "Reading"). Bounded memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/mailbox_store.h"
#include "store/message_digest.h"

namespace sims::store {

struct ScannedMessage {
    std::uint64_t offset = 0;     // of the From_ line, or of the first line of what precedes the first one
    std::uint64_t end = 0;        // behind its last byte, before the closing empty line
    std::uint64_t wire_size = 0;  // what mail::MboxUnquoter makes of it behind the From_ line
    Uid digest;                   // MessageDigest of it behind the From_ line
};

class MailboxScanner {
public:
    // The first byte fed is at `offset` of the mailbox: 0, or the start of a message, or its end.
    explicit MailboxScanner(std::uint64_t offset) : offset_(offset) {}

    // Messages that ended are appended to `found`.
    void feed(std::string_view bytes, std::vector<ScannedMessage>& found);
    // The end of the mailbox: what is open is a message, too.
    void finish(std::vector<ScannedMessage>& found);

    static constexpr std::size_t line_start_max = 4096;  // longer lines are looked at in parts

private:
    // How far a line that began with '>' and is not whole yet matches /^>+From /.
    enum class Quote { no, marks, from };

    void take_line(std::string_view line, std::vector<ScannedMessage>& found);
    void begin_long_line(std::vector<ScannedMessage>& found);
    void go_on_with_long_line(std::string_view part);
    void match_quote(std::string_view part);
    void count(std::string_view line);
    void begin_message(std::uint64_t at);
    void end_message(std::uint64_t end, std::vector<ScannedMessage>& found);
    void flush_empty_line();

    std::uint64_t offset_;         // of the next byte to be looked at
    std::string carry_;            // the start of a line whose end did not come yet
    std::string_view empty_line_;  // the last line, when it is an empty one: it may close the message
    bool boundary_ = true;         // a From_ line here begins a message
    bool in_message_ = false;
    bool in_from_line_ = false;  // a long one
    bool in_long_line_ = false;
    char long_line_last_ = 0;
    Quote quote_ = Quote::no;
    std::size_t quote_matched_ = 0;
    ScannedMessage message_;
    MessageDigest digest_;
};

// Every message of a whole mailbox.
std::vector<ScannedMessage> scan_mailbox(std::string_view bytes);

}  // namespace sims::store
