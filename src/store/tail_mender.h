// What to make of the end of a mailbox after a crash (docs/formats/mailbox.md "After a crash"). Pure and
// total.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace sims::store {

// `region` is what lies behind the bytes that were on stable storage; `before` are the (up to three) bytes in
// front of it. `rendered` are messages that may have been on their way into it. Gives what should be there
// instead: whole messages and whatever another program wrote stay, torn copies of `rendered` and holes are
// gone, and an empty line stands before each From_ line.
std::string mend_tail(std::string_view before, std::string_view region,
                      std::span<const std::string_view> rendered);

// The line ends missing for a From_ line to follow `text`: the last bytes (three or more) of a mailbox, or
// all of it.
std::string_view missing_line_ends(std::string_view text);

}  // namespace sims::store
