// The mbox format, mboxrd variant, LF line ends (docs/formats/mailbox.md). Pure: bytes in, bytes out.
// A message on the wire is lines that end in CRLF; in a mailbox they end in LF, a line that matches
// /^>*From / has one '>' more in front, a "From " line precedes the message and an empty line follows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "mail/address.h"

namespace sims::mail {

// "From sender Sun Nov 22 21:26:11 2026\n". The null path is written MAILER-DAEMON; blanks in a local part as
// '_'.
std::string mbox_from_line(const ReversePath& sender, TimePoint received);

// Appends `wire` (CRLF lines; a missing last line end is added) to `out` in mailbox form: LF, quoted. Does
// not add the From_ line or the closing empty line. A bare CR or LF stays as it is.
void append_mbox_quoted(std::string& out, std::string_view wire);

// A whole stored message: From_ line, "Return-Path: <...>\n", `trace` and `wire` in mailbox form, empty line.
// `trace` are the fields put in front (CRLF lines). Deterministic: recovery compares bytes.
std::string mbox_render(const ReversePath& sender, TimePoint received, std::string_view trace,
                        std::string_view wire);

// Feeds mailbox bytes of ONE message (after its From_ line, before its closing empty line) and gives wire
// bytes: LF becomes CRLF (a CR already there is not doubled), one '>' taken from /^>+From /. For streams: any
// chunking.
class MboxUnquoter {
public:
    void feed(std::string_view stored, std::string& out);
    // The end of the message: a missing last line end is added. Ready for the next message.
    void finish(std::string& out);

private:
    void take_line_start(char c, std::string& out);
    void put(char c, std::string& out);

    std::string pending_;  // start of a line that may still turn out to be ">From ": six bytes at most
    bool line_start_ = true;
    bool last_cr_ = false;
};

// A message starts at a line "From " that is the first of the file or follows an empty line.
struct MboxMessage {
    std::uint64_t offset = 0;       // of the From_ line
    std::uint64_t body_offset = 0;  // of the first byte after the From_ line
    std::uint64_t end = 0;          // behind the message's last byte, before the closing empty line
    std::uint64_t next = 0;         // of the next From_ line, or the end of the file
    std::uint64_t wire_size = 0;    // bytes MboxUnquoter makes of [body_offset, end)
};

// Finds the messages of a mailbox, in chunks of any size. Bytes before the first From_ line belong to no
// message: then the first message's offset is not where the scan began.
class MboxScanner {
public:
    // `offset` is where the first byte fed lies in the file: a place where a From_ line may stand.
    explicit MboxScanner(std::uint64_t offset = 0) : at_(offset), line_start_(offset) {}
    // The messages that this chunk completed: a message is complete when the next one begins.
    std::vector<MboxMessage> feed(std::string_view chunk);
    // The end of the file: what is left, at most two (a From_ line without an end is an empty message).
    std::vector<MboxMessage> finish();

private:
    void take_prefix(std::string_view piece);
    std::optional<MboxMessage> end_line();
    std::uint64_t line_wire_size() const;

    std::uint64_t at_;          // of the next byte to come
    std::uint64_t line_start_;  // of the line that is being read
    std::uint64_t empty_line_start_ = 0;
    std::uint64_t length_ = 0;  // of the line so far
    std::size_t matched_ = 0;   // how much of "From " the line has begun with, behind its '>'
    bool matching_ = true;
    bool quoted_ = false;      // the line begins with '>'
    bool last_cr_ = false;     // the line's last byte so far
    bool after_empty_ = true;  // a From_ line may stand here
    bool held_empty_ = false;  // the line before was empty and is counted to no message yet
    std::uint64_t held_wire_ = 0;
    std::optional<MboxMessage> open_;
};

}  // namespace sims::mail
