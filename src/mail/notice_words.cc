#include "mail/notice_words.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"
#include "mail/date.h"
#include "mail/field_text.h"

namespace sims::mail {
namespace {

using Action = FailedRecipient::Action;

struct Advice {
    std::string_view status_end;  // the status without its class: "1.1", or a subject alone: "1."
    std::string_view text;
};

// The first that fits (RFC 3463).
constexpr std::array<Advice, 12> advices{{
    {"1.2", "Check the part behind the @: there is no mail system of that name."},
    {"1.10", "Check the part behind the @: that domain takes no mail at all."},
    {"1.", "Check the address for typing errors, then send the message again."},
    {"2.1", "The mailbox is switched off. Reach the recipient by other means."},
    {"2.2", "The mailbox is full. Try again in some days, or reach the recipient by other means."},
    {"2.3",
     "The message is too large for this mailbox. Send it in parts, or put large files where they can be "
     "fetched."},
    {"3.4",
     "The message is too large for the recipient's mail system. Send it in parts, or put large files where "
     "they can be fetched."},
    {"4.6", "The address leads round in a circle. Tell the postmaster of the recipient's domain."},
    {"4.",
     "The recipient's mail system could not be reached. Check the part behind the @, and try again later."},
    {"6.", "The recipient's mail system cannot take a message of this form. Send it as plain text."},
    {"7.",
     "The recipient's mail system does not accept this message. Reach the recipient by other means and show "
     "them this notice."},
    {"", "Try again later, or reach the recipient by other means."},
}};

std::string_view advice_for(std::string_view status) {
    const auto end = status.size() > 2 ? status.substr(2) : std::string_view();
    const auto* found = std::find_if(advices.begin(), advices.end(), [end](const Advice& advice) {
        const bool whole = !advice.status_end.empty() && is_digit(advice.status_end.back());
        return whole ? end == advice.status_end
                     : end.substr(0, advice.status_end.size()) == advice.status_end;
    });
    return found == advices.end() ? advices.back().text : found->text;
}

bool all_are(const DeliveryStatus& status, Action action) {
    return std::all_of(status.recipients.begin(), status.recipients.end(),
                       [action](const FailedRecipient& r) { return r.action == action; });
}

void append_paragraph(std::string& out, std::string_view indent, std::string_view text) {
    std::string lines(indent);
    append_folded(lines, text, "\r\n" + std::string(indent));
    // A line of words must not look like the boundary of a part.
    for (auto at = lines.find("\r\n-"); at != std::string::npos; at = lines.find("\r\n-", at + 1)) {
        lines.insert(at + 2, 1, ' ');
    }
    out += lines;
    out += "\r\n";
}

std::string what_happened(const FailedRecipient& recipient) {
    switch (recipient.action) {
        case Action::failed: return "The message could not be delivered.";
        case Action::delayed: return "The message has not been delivered yet.";
        case Action::delivered: return "The message was delivered.";
        case Action::relayed: return "The message was handed on to a mail system that sends no such notices.";
    }
    return {};
}

std::string what_to_do(const FailedRecipient& recipient) {
    switch (recipient.action) {
        case Action::failed: return std::string(advice_for(recipient.status));
        case Action::delayed: {
            std::string text = "You need not do anything: we keep trying";
            if (recipient.will_retry_until != TimePoint{}) {
                text += " until " + message_date(recipient.will_retry_until);
            }
            return text + ". Please do not send the message again.";
        }
        case Action::delivered:
        case Action::relayed: return "You need not do anything.";
    }
    return {};
}

}  // namespace

std::string notice_subject(const DeliveryStatus& status) {
    if (all_are(status, Action::failed)) return "Your message could not be delivered";
    if (all_are(status, Action::delayed)) return "Your message is delayed";
    if (all_are(status, Action::delivered)) return "Your message was delivered";
    return "What became of your message";
}

std::string notice_words(const DeliveryStatus& status, Utf8 utf8) {
    const auto host = one_line(status.reporting_host, utf8, AddressLimits::domain_max);
    std::string out;
    append_paragraph(
        out, "",
        "This is the mail system at " + host + ". It writes to you about a message of yours" +
            (status.arrived == TimePoint{} ? std::string(".")
                                           : " that it received on " + message_date(status.arrived) + "."));
    for (const auto& recipient : status.recipients) {
        out += "\r\n";
        append_paragraph(out, "", "To <" + one_line(recipient.address.text(), utf8) + ">:");
        append_paragraph(out, "  ", what_happened(recipient));
        const auto reply = one_line(recipient.reply, utf8);
        const auto remote = one_line(recipient.remote_host, utf8, AddressLimits::domain_max);
        if (!reply.empty()) {
            append_paragraph(out, "  ",
                             remote.empty() ? "The reason:" : "The mail system " + remote + " said:");
            append_paragraph(out, "      ", reply);
        }
        append_paragraph(out, "  ", what_to_do(recipient));
    }
    out += "\r\n";
    append_paragraph(out, "",
                     "The header of your message is attached. For help, write to " +
                         one_line(status.postmaster, utf8, AddressLimits::path_max / 2) + ".");
    return out;
}

}  // namespace sims::mail
