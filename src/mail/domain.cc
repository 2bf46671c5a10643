// Domains, the only part of an address that needs libidn2.
#include "mail/domain.h"

#include <algorithm>
#include <memory>

#include <idn2.h>

#include "base/text.h"
#include "mail/address.h"

namespace sims::mail {
namespace {

constexpr std::size_t label_max = 63;  // RFC 1035 2.3.4

bool is_label_byte(char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_'; }

bool is_ascii_text(std::string_view text) {
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= label_max && label.front() != '-' && label.back() != '-';
}

struct IdnFree {
    void operator()(std::uint8_t* text) const { idn2_free(text); }
};

}  // namespace

bool is_host_name(std::string_view domain) {
    if (domain.empty() || domain.size() > AddressLimits::domain_max) return false;
    std::size_t start = 0;
    for (std::size_t i = 0; i < domain.size(); ++i) {
        if (domain[i] == '.') {
            if (!is_label(domain.substr(start, i - start))) return false;
            start = i + 1;
        } else if (!is_label_byte(domain[i])) {
            return false;
        }
    }
    return is_label(domain.substr(start));
}

std::optional<std::string> ascii_domain(std::string_view domain) {
    if (!domain.empty() && domain.back() == '.') domain.remove_suffix(1);
    if (is_ascii_text(domain)) {
        if (!is_host_name(domain)) return std::nullopt;
        return lower(domain);
    }
    if (domain.size() > AddressLimits::domain_max || domain.find('\0') != std::string_view::npos)
        return std::nullopt;
    // libidn2 drops dots at the end, all of them.
    if (domain.back() == '.') return std::nullopt;
    const std::string input(domain);
    std::uint8_t* raw = nullptr;
    const int done = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(input.c_str()), &raw,
                                    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const std::unique_ptr<std::uint8_t, IdnFree> output(raw);
    if (done != IDN2_OK || !output) return std::nullopt;
    std::string result = lower(reinterpret_cast<const char*>(output.get()));
    // The mapping turns full-width signs into ASCII ones: what comes out is judged as if it had come so.
    if (!is_host_name(result)) return std::nullopt;
    return result;
}

}  // namespace sims::mail
