// Mail addresses as values. Parse, do not validate: who holds one holds a valid one.
// Knows nothing of routing: what "user%other@here" means is the business of src/route.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sims::mail {

struct AddressLimits {
    // RFC 5321 4.5.3.1 asks for 64 and 255; real bounce addresses (VERP, SRS) have longer local parts.
    static constexpr std::size_t local_max = 255;
    static constexpr std::size_t domain_max = 255;
    static constexpr std::size_t path_max = 1024;  // with a source route
};

// Whether bytes of 128 and more (UTF-8, RFC 6531) may stand in an address.
enum class Utf8 { refused, allowed };

// local-part and domain. The domain may be empty: a bare local name ("Postmaster").
class Address {
public:
    // `text` is "local@domain" or "local", without angle brackets; the local part may be quoted. A domain is
    // a host name (labels of letters, digits, hyphens, underscores; U-labels when utf8 is allowed) or an
    // address literal "[192.0.2.1]", "[IPv6:...]". Errors: Fault::invalid, with the reason.
    static Result<Address> parse(std::string_view text, Utf8 utf8 = Utf8::allowed);
    // From parts that are already plain: `local` unquoted.
    static Result<Address> make(std::string_view local, std::string_view domain, Utf8 utf8 = Utf8::allowed);

    // Without quotes and quoting backslashes; case as given.
    const std::string& local() const { return local_; }
    // Case as given; one trailing dot is cut. Literals keep their brackets.
    const std::string& domain() const { return domain_; }
    bool is_literal() const { return !domain_.empty() && domain_.front() == '['; }
    bool is_ascii() const;

    // As it is written in a command: local part quoted when it must be.
    std::string text() const;
    // Local part and domain compared without regard to ASCII case, domains as A-labels.
    friend bool operator==(const Address& a, const Address& b);

private:
    Address(std::string local, std::string domain) : local_(std::move(local)), domain_(std::move(domain)) {}
    std::string local_;
    std::string domain_;
};

// The address errors go to; none is the null reverse-path "<>" (RFC 5321 4.5.5).
struct ReversePath {
    std::optional<Address> address;
    std::string text() const { return address ? address->text() : std::string(); }  // without brackets
    bool is_null() const { return !address.has_value(); }
    friend bool operator==(const ReversePath&, const ReversePath&) = default;
};

// The domain in lower-case A-labels (IDNA 2008), for comparing and for DNS; nothing when it can't be one.
std::optional<std::string> ascii_domain(std::string_view domain);

}  // namespace sims::mail
