// The mbox format, mboxrd variant, LF line ends (docs/formats/mailbox.md). Pure: bytes in, bytes out.
// A message on the wire is lines that end in CRLF; in a mailbox they end in LF, a line that matches
// /^>*From / has one '>' more in front, a "From " line precedes the message and an empty line follows it.
#pragma once

#include <string>
#include <string_view>

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

}  // namespace sims::mail
