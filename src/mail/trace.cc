#include "mail/trace.h"

#include <algorithm>

#include "base/text.h"
#include "mail/date.h"
#include "mail/field_text.h"
#include "mail/ip_text.h"
#include "mail/utf8.h"

namespace sims::mail {
namespace {

constexpr std::size_t name_max = 255;
constexpr std::size_t comment_max = 128;

// A host name as the peer gave it, made fit to stand outside a comment: what no name or literal holds is '?'.
std::string name_word(std::string_view name, Utf8 utf8) {
    const bool keep_high = utf8 == Utf8::allowed && is_utf8(name) && name.size() <= name_max;
    std::string word;
    for (const char c : name.substr(0, name_max)) {
        const bool high = static_cast<unsigned char>(c) >= 0x80;
        const bool good =
            is_alpha(c) || is_digit(c) || std::string_view(".-_:[]").find(c) != std::string_view::npos;
        word += good || (high && keep_high) ? c : '?';
    }
    return word.empty() ? "unknown" : word;
}

// Inside a comment: no parentheses, no backslash (RFC 5322 3.2.2).
std::string comment_words(std::string_view text) {
    std::string words = one_line(text, Utf8::refused, comment_max);
    std::replace_if(
        words.begin(), words.end(), [](char c) { return c == '(' || c == ')' || c == '\\'; }, '?');
    return words;
}

// RFC 5321 4.1.3, as TCP-info of RFC 5321 4.4.
std::string address_literal(std::string_view address) {
    const auto ip = parse_ip(address);
    if (!ip) return "[" + name_word(address, Utf8::refused) + "]";
    return (is_ipv4(*ip) ? "[" : "[IPv6:") + ip_text(*ip) + "]";
}

// RFC 3848, RFC 6531 4.3. TLS and AUTH are extensions: without EHLO there is no word for them.
std::string protocol(const Peer& peer, const Envelope& envelope) {
    if (!peer.extended) return "SMTP";
    std::string keyword = envelope.smtputf8 ? "UTF8SMTP" : "ESMTP";
    if (peer.tls) keyword += 'S';
    if (!peer.account.empty()) keyword += 'A';
    return keyword;
}

}  // namespace

std::string received_field(const Peer& peer, const Envelope& envelope, const ReceivedField& what) {
    constexpr std::string_view fold = "\r\n\t";
    const Utf8 utf8 = envelope.smtputf8 ? Utf8::allowed : Utf8::refused;
    std::string field = "Received: ";
    if (!peer.address.empty()) {
        append_folded(
            field, "from " + name_word(peer.hello, utf8) + " (" + address_literal(peer.address) + ")", fold);
        if (peer.tls && !peer.tls_description.empty()) {
            append_folded(field += fold, "(" + comment_words(peer.tls_description) + ")", fold);
        }
        field += fold;
    }
    std::string by = "by " + name_word(what.by, Utf8::allowed);
    if (!peer.address.empty()) by += " with " + protocol(peer, envelope);
    append_folded(field, by + " id " + name_word(what.queue_id, Utf8::refused), fold);
    const bool ascii =
        is_utf8(what.for_address) && std::all_of(what.for_address.begin(), what.for_address.end(),
                                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    // An address in UTF-8 may stand only in a message that is allowed to hold it.
    if (!what.for_address.empty() && (ascii || envelope.smtputf8)) {
        field += fold;
        field += "for <" + one_line(what.for_address, utf8) + ">; ";
    } else {
        field += "; ";
    }
    // The date is one word here: better a line longer than wanted than a date in two pieces.
    const std::string date = message_date(what.time);
    const auto line = field.size() - field.rfind('\n') - 1;
    if (line + date.size() > line_wanted) field.replace(field.size() - 1, 1, fold);
    field += date;
    field += "\r\n";
    return field;
}

std::string return_path_field(const ReversePath& sender) {
    return "Return-Path: <" + sender.text() + ">\r\n";
}

}  // namespace sims::mail
