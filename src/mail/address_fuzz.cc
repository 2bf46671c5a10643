#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "mail/address.h"
#include "mail/utf8.h"

using sims::check;
using sims::mail::Address;
using sims::mail::Utf8;

namespace {

void check_address(const Address& address, Utf8 utf8) {
    const auto text = address.text();
    check(text.find_first_of(std::string_view("\0\r\n", 3)) == std::string::npos,
          "no line end or NUL in an address");
    check(utf8 == Utf8::allowed || address.is_ascii(), "no 8-bit byte where they are refused");
    check(sims::mail::is_utf8(text), "an address is UTF-8");
    check(address.local().size() <= sims::mail::AddressLimits::local_max, "local part within its limit");
    check(address.domain().size() <= sims::mail::AddressLimits::domain_max, "domain within its limit");
    if (address.is_ascii() && !address.domain().empty() && !address.is_literal()) {
        check(sims::mail::ascii_domain(address.domain()).has_value(), "a domain has an ASCII form");
    }
    if (text.size() > sims::mail::AddressLimits::path_max) return;
    const auto again = Address::parse(text, utf8);
    check(again.has_value(), "the text of an address is an address");
    check(*again == address && again->text() == text, "and the same one");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const auto utf8 : {Utf8::allowed, Utf8::refused}) {
        if (const auto address = Address::parse(text, utf8)) check_address(*address, utf8);
        const auto at = text.find('@');
        const auto domain = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
        if (const auto address = Address::make(text.substr(0, at), domain, utf8))
            check_address(*address, utf8);
    }
    return 0;
}
