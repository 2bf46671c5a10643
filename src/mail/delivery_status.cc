#include "mail/delivery_status.h"

#include <algorithm>

#include "base/text.h"
#include "mail/date.h"
#include "mail/field_text.h"
#include "mail/notice_words.h"

namespace sims::mail {
namespace {

constexpr std::size_t header_returned_max = 64 * 1024;
constexpr std::size_t boundary_max = 70;  // RFC 2046 5.1.1
constexpr std::size_t word_max = 255;

using Action = FailedRecipient::Action;

bool has_high(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

// RFC 6533: 8-bit bytes in addresses need the message/global types.
Utf8 charset_of(const DeliveryStatus& status) {
    const bool needed = status.original_is_utf8 || !status.to.is_ascii() ||
                        std::any_of(status.recipients.begin(), status.recipients.end(),
                                    [](const FailedRecipient& r) { return !r.address.is_ascii(); });
    return needed ? Utf8::allowed : Utf8::refused;
}

// Only what may stand in a boundary or an id, unquoted.
std::string token(std::string_view text, std::size_t bytes_max) {
    std::string word;
    for (const char c : text.substr(0, bytes_max)) {
        const bool good =
            is_alpha(c) || is_digit(c) || std::string_view("=_-.").find(c) != std::string_view::npos;
        word += good ? c : '_';
    }
    return word.empty() ? "_" : word;
}

// Lines are made anew: CRLF, cut at the longest that mail allows, no stray CR or NUL. Ends before the first
// empty line.
std::string returned_header(std::string_view header) {
    std::string out;
    header = header.substr(0, header_returned_max);
    while (!header.empty()) {
        const auto length = std::min(header.find('\n'), header.size());
        std::string line;
        for (const char c : header.substr(0, length)) {
            if (c != '\r' && c != '\0' && line.size() < line_max - 2) line += c;
        }
        if (line.empty()) break;
        out += line;
        out += "\r\n";
        header.remove_prefix(std::min(length + 1, header.size()));
    }
    return out;
}

// "5.1.1" (RFC 3463 2); what does not look so is replaced by the action's own class.
std::string status_code(const FailedRecipient& recipient) {
    const auto parts = split(recipient.status, '.');
    const bool good =
        parts.size() == 3 && parts[0].size() == 1 && parts[0].find_first_not_of("245") == std::string::npos &&
        std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
            return !part.empty() && part.size() <= 3 && std::all_of(part.begin(), part.end(), is_digit);
        });
    if (good) return recipient.status;
    switch (recipient.action) {
        case Action::failed: return "5.0.0";
        case Action::delayed: return "4.0.0";
        case Action::delivered:
        case Action::relayed: return "2.0.0";
    }
    return "5.0.0";
}

std::string_view action_word(Action action) {
    switch (action) {
        case Action::failed: return "failed";
        case Action::delayed: return "delayed";
        case Action::delivered: return "delivered";
        case Action::relayed: return "relayed";
    }
    return "failed";
}

bool is_smtp_reply(std::string_view reply) {
    return reply.size() >= 3 && reply.front() >= '2' && reply.front() <= '5' && is_digit(reply[1]) &&
           is_digit(reply[2]) && (reply.size() == 3 || reply[3] == ' ' || reply[3] == '-');
}

// RFC 3464 2.3.
void append_recipient_fields(std::string& out, const DeliveryStatus& status,
                             const FailedRecipient& recipient) {
    const Utf8 utf8 = charset_of(status);
    out += "\r\n";
    const std::string_view type = recipient.address.is_ascii() ? "rfc822; " : "utf-8; ";
    append_field(out, "Final-Recipient", std::string(type) + one_line(recipient.address.text(), utf8));
    append_field(out, "Action", action_word(recipient.action));
    append_field(out, "Status", status_code(recipient));
    const auto host = one_line(recipient.remote_host, utf8, word_max);
    const auto name = token(host.substr(0, host.find(' ')), word_max);
    if (!host.empty()) append_field(out, "Remote-MTA", "dns; " + name);
    const auto reply = one_line(recipient.reply, utf8);
    if (!reply.empty()) {
        append_field(out, "Diagnostic-Code", (is_smtp_reply(reply) ? "smtp; " : "x-sims; ") + reply);
    }
    append_field(out, "Last-Attempt-Date", message_date(status.now));
    if (recipient.action == Action::delayed && recipient.will_retry_until != TimePoint{}) {
        append_field(out, "Will-Retry-Until", message_date(recipient.will_retry_until));
    }
}

std::string machine_part(const DeliveryStatus& status) {
    std::string out;
    append_field(out, "Reporting-MTA", "dns; " + token(status.reporting_host, word_max));
    append_field(out, "X-SIMS-Queue-ID", token(status.queue_id, word_max));
    if (status.arrived != TimePoint{}) append_field(out, "Arrival-Date", message_date(status.arrived));
    for (const auto& recipient : status.recipients) append_recipient_fields(out, status, recipient);
    return out;
}

std::string notice_header(const DeliveryStatus& status, std::string_view boundary) {
    const Utf8 utf8 = charset_of(status);
    const auto host = token(status.reporting_host, word_max);
    std::string out;
    append_field(out, "Date", message_date(status.now));
    append_field(out, "From",
                 "\"Mail Delivery System\" <" + one_line(status.postmaster, utf8, word_max * 2) + ">");
    append_field(out, "To", "<" + one_line(status.to.text(), utf8) + ">");
    append_field(out, "Subject", notice_subject(status));
    out += "Message-ID: <" + token(status.queue_id, word_max) + "." + std::string(boundary) + "@" + host +
           ">\r\n";
    append_field(out, "Auto-Submitted", "auto-replied");
    append_field(out, "MIME-Version", "1.0");
    out += "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"";
    out += boundary;
    out += "\"\r\n";
    return out;
}

void append_part(std::string& out, std::string_view boundary, std::string_view type,
                 std::string_view content) {
    out += "\r\n--";
    out += boundary;
    out += "\r\n";
    append_field(out, "Content-Type", type);
    append_field(out, "Content-Transfer-Encoding", has_high(content) ? "8bit" : "7bit");
    out += "\r\n";
    out += content;
}

}  // namespace

std::string delivery_status_message(const DeliveryStatus& status) {
    const bool global = charset_of(status) == Utf8::allowed;
    const std::string boundary = token(status.boundary, boundary_max);
    const std::string words = notice_words(status, charset_of(status));
    const std::string machine = machine_part(status);
    std::string header = returned_header(status.original_header);
    // Should not happen (the caller chooses the boundary); then the header is worth less than a sound notice.
    if (header.find("--" + boundary) != std::string::npos) header.clear();

    std::string out = notice_header(status, boundary);
    if (has_high(words) || has_high(machine) || has_high(header))
        append_field(out, "Content-Transfer-Encoding", "8bit");
    out += "\r\nThis is a notice about a message, in a form for people and one for programs.\r\n";
    append_part(out, boundary, global ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii", words);
    append_part(out, boundary, global ? "message/global-delivery-status" : "message/delivery-status",
                machine);
    append_part(out, boundary, global ? "message/global-headers" : "text/rfc822-headers", header);
    out += "\r\n--" + boundary + "--\r\n";
    return out;
}

}  // namespace sims::mail
