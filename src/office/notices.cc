#include "office/notices.h"

#include "base/text.h"
#include "mail/header.h"

namespace sims::office {

namespace {

constexpr std::size_t header_bytes_max = 64 * 1024;

std::string header_section(const queue::Content& content) {
    const auto start = content.read(0, header_bytes_max);
    if (!start) return {};  // the notice goes without it: telling matters more
    mail::HeaderReader reader(*start);
    std::size_t end = 0;
    while (const auto field = reader.next()) {
        end = static_cast<std::size_t>(field->whole.data() - start->data()) + field->whole.size();
    }
    return start->substr(0, end);
}

}  // namespace

std::string status_of_reply(std::string_view reply) {
    const auto is_class = [](char c) { return c == '2' || c == '4' || c == '5'; };
    // "550 5.1.1 text" or "5.1.1 text"
    if (reply.size() >= 4 && is_digit(reply[0]) && is_digit(reply[1]) && is_digit(reply[2]) &&
        (reply[3] == ' ' || reply[3] == '-')) {
        const auto code_class = reply[0];
        const auto status = status_of_reply(reply.substr(4));
        if (!status.empty()) return status;
        return is_class(code_class) ? std::string(1, code_class) + ".0.0" : std::string("5.0.0");
    }
    const auto word = reply.substr(0, reply.find(' '));
    const auto parts = split(word, '.');
    if (parts.size() != 3 || parts[0].size() != 1 || !is_class(parts[0][0])) return {};
    for (const auto part : parts) {
        if (part.empty() || part.size() > 3) return {};
        for (const char c : part) {
            if (!is_digit(c)) return {};
        }
    }
    return std::string(word);
}

std::string make_notice(const NoticeSource& source, const queue::QueuedMessage& message,
                        const queue::Content& content, const std::vector<Reported>& reported) {
    mail::DeliveryStatus status{
        .reporting_host = source.hostname,
        .postmaster = "postmaster@" + source.main_domain,
        .to = *message.sender.address,
        .arrived = message.received,
        .now = source.now,
        .queue_id = message.id.text(),
        .boundary = "sims-" + source.notice_id,
        .recipients = {},
        .original_header = {},
        .original_is_utf8 = message.smtputf8,
    };
    for (const auto& [action, recipient] : reported) {
        mail::FailedRecipient failed{
            action,         recipient.address,    status_of_reply(recipient.last_reply),
            recipient.host, recipient.last_reply, message.received + source.return_after};
        if (!recipient.original.empty()) {
            // Told by the name the sender used: where an alias or a list leads is not theirs to know.
            if (auto original = mail::Address::parse(recipient.original))
                failed.address = std::move(*original);
        }
        if (failed.status.empty()) failed.status = "5.0.0";
        const bool is_failure = action == mail::FailedRecipient::Action::failed;
        // A 4yz that lasted too long is a permanent failure now (RFC 3464 2.3.4).
        if (is_failure && failed.status.front() == '4') failed.status = "5.4.7";
        status.recipients.push_back(std::move(failed));
    }
    const auto header = header_section(content);
    status.original_header = header;
    return mail::delivery_status_message(status);
}

}  // namespace sims::office
