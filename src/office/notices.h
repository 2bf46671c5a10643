// Delivery status notices: from what became of recipients to a message to the sender (RFC 3464).
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "mail/delivery_status.h"
#include "queue/message.h"

namespace sims::office {

struct Reported {
    mail::FailedRecipient::Action action;
    queue::QueuedRecipient recipient;
};

struct NoticeSource {
    std::string hostname;
    std::string main_domain;
    std::chrono::seconds return_after{0};
    TimePoint now{};
    std::string notice_id;  // of the notice's own draft: makes its boundary
};

// The whole notice; the message's sender must not be null. Reads the header section of `content` (may block).
std::string make_notice(const NoticeSource& source, const queue::QueuedMessage& message,
                        const queue::Content& content, const std::vector<Reported>& reported);

// "5.1.1" out of "550 5.1.1 No such user"; a fallback by the code's first digit.
std::string status_of_reply(std::string_view reply);

}  // namespace sims::office
