// For tests: plays a written conversation against a session and says where they differ.
//
//     S: 220 mail.example.org ESMTP        what the server must say next, whole lines, nothing between
//     C: NOOP                              what the client sends; a burst of C lines is one write
//     E: received "Hello"                  anything else: an event, for the Player to make or to verify
//     # a remark                           blank lines are skipped, too
//
// In C lines \r \n \t \0 \\ and \xNN stand for bytes, and \c at the end leaves the CRLF out. An S line that
// ends with "..." asks for its beginning only. Other whole letters with a colon ("E:") go to Player::event().
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sims::proto {

class Player {
public:
    virtual ~Player() = default;
    // Input bytes for the session; the answer is what it sent meanwhile.
    virtual std::string receive(std::string_view bytes) = 0;
    // An E line. Empty when all is well; else what is wrong.
    virtual std::string event(std::string_view text) = 0;
};

enum class Delivery { bursts, bytes };  // C lines in one piece each burst, or byte by byte

// Plays it to the end. Empty when everything went as written; else "line 7: expected ..., got ...". What the
// session says before the first C line (a greeting) comes from receive("").
std::string play(std::string_view transcript, Player& player, Delivery delivery);

// A C line's bytes, with CRLF.
std::string transcript_bytes(std::string_view text);

}  // namespace sims::proto
