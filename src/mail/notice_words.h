// What a delivery status notice says to people.
#pragma once

#include <string>

#include "mail/address.h"
#include "mail/delivery_status.h"

namespace sims::mail {

// The Subject.
std::string notice_subject(const DeliveryStatus& status);
// The text, CRLF lines: what happened, to whom, in whose words, and what to do. No line starts with '-' but
// ours.
std::string notice_words(const DeliveryStatus& status, Utf8 utf8);

}  // namespace sims::mail
