// Dates as mail writes them.
#pragma once

#include <string>

#include "base/time.h"

namespace sims::mail {

// "Sun, 22 Nov 2026 21:26:11 +0000" (RFC 5322 3.3).
std::string message_date(TimePoint time);
// "Sun Nov 22 21:26:11 2026", the date of an mbox From_ line (RFC 4155), UTC.
std::string mbox_date(TimePoint time);

}  // namespace sims::mail
