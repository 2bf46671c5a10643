// What SMTP says about a message, beside the message (RFC 5321 2.3.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "mail/address.h"

namespace sims::mail {

enum class BodyType { seven_bit, eight_bit_mime, binary_mime };

struct Recipient {
    Address address;  // as given in RCPT, source route removed
};

struct Envelope {
    ReversePath sender;
    std::vector<Recipient> recipients;
    BodyType body = BodyType::seven_bit;
    bool smtputf8 = false;
};

// Who handed the message over, for the trace field and the rules.
struct Peer {
    std::string address;    // "192.0.2.1", "2001:db8::1"; empty for local submission
    std::string hello;      // what it said in HELO or EHLO, printable
    bool extended = false;  // EHLO
    bool tls = false;
    std::string tls_description;  // "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty without TLS
    std::string account;          // logged in as; empty when not
};

}  // namespace sims::mail
