// The trace fields SIMS puts in front of a message (RFC 5321 4.4, RFC 8601). They are all it ever adds.
#pragma once

#include <string>

#include "base/time.h"
#include "mail/envelope.h"

namespace sims::mail {

struct ReceivedField {
    std::string by;  // our host name
    std::string queue_id;
    TimePoint time;
    std::string for_address;  // only when there is one recipient; else empty
};

// "Received: from hello ([ip])\r\n\tby host with ESMTPS id QUEUEID\r\n\tfor <a@b>; date\r\n", folded under
// 998 bytes. The `with` keyword follows RFC 3848 and 6531 (SMTP, ESMTP, ESMTPS, ESMTPA, ESMTPSA,
// UTF8SMTP...).
std::string received_field(const Peer& peer, const Envelope& envelope, const ReceivedField& what);
// "Return-Path: <a@b>\r\n"
std::string return_path_field(const ReversePath& sender);

}  // namespace sims::mail
