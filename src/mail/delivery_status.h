// Delivery status notices: multipart/report as RFC 3464 and 6522 want it, in plain language.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "mail/address.h"

namespace sims::mail {

struct FailedRecipient {
    enum class Action { failed, delayed, delivered, relayed } action = Action::failed;
    Address address;
    std::string status;            // "5.1.1"
    std::string remote_host;       // "mx.example.net [192.0.2.1]", or empty
    std::string reply;             // the peer's own words, "550 5.1.1 No such user"; or our reason
    TimePoint will_retry_until{};  // for `delayed`
};

struct DeliveryStatus {
    std::string reporting_host;
    std::string postmaster;  // the From address, "postmaster@example.org"
    Address to;              // the original sender
    TimePoint arrived{};
    TimePoint now{};
    std::string queue_id;
    std::string boundary;  // must not occur in `original_header`; made by the caller from the notice's own id
    std::vector<FailedRecipient> recipients;
    std::string_view original_header;  // header section of the message, CRLF; returned as text/rfc822-headers
    bool original_is_utf8 = false;
};

// The whole notice (CRLF lines), Message-ID "<queue_id.boundary@host>". The envelope sender must be null.
std::string delivery_status_message(const DeliveryStatus& status);

}  // namespace sims::mail
