// Trace fields and delivery status notices made of hostile words. Words are separated by 0x1E.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/text.h"
#include "mail/delivery_status.h"
#include "mail/field_text.h"
#include "mail/header.h"
#include "mail/trace.h"

using sims::check;
using namespace sims::mail;

namespace {

struct Words {
    std::vector<std::string_view> words;
    std::size_t at = 0;
    std::string next() { return at < words.size() ? std::string(words[at++]) : std::string(); }
    Address next_address() {
        const auto parsed = Address::parse(next());
        return parsed ? *parsed : *Address::parse("joe@example.org");
    }
};

void check_lines(std::string_view text) {
    check(text.size() >= 2 && text.substr(text.size() - 2) == "\r\n", "ends with a line end");
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        check(end != std::string_view::npos && end > at && text[end - 1] == '\r', "lines end in CRLF");
        check(end - at + 1 <= line_max, "no line over 998 octets");
        check(text.substr(at, end - 1 - at).find_first_of(std::string_view("\r\0", 2)) ==
                  std::string_view::npos,
              "no bare CR, no NUL");
        at = end + 1;
    }
}

void check_received(Words words, bool flag) {
    Peer peer{words.next(), words.next(), flag, flag, words.next(), words.next()};
    Envelope envelope;
    envelope.smtputf8 = !flag;
    const auto field =
        received_field(peer, envelope, {words.next(), words.next(), {}, words.next_address().text()});
    check_lines(field);
    HeaderReader reader(field);
    const auto only = reader.next();
    check(only && only->whole.size() == field.size(), "one field and no more");
}

void check_notice(Words words, bool flag) {
    const auto header = words.next();
    DeliveryStatus status{.reporting_host = words.next(),
                          .postmaster = "postmaster@example.org",
                          .to = words.next_address(),
                          .arrived = {},
                          .now = {},
                          .queue_id = words.next(),
                          .boundary = "boundary",
                          .recipients = {},
                          .original_header = header,
                          .original_is_utf8 = flag};
    while (words.at < words.words.size()) {
        status.recipients.push_back({.action = FailedRecipient::Action::failed,
                                     .address = words.next_address(),
                                     .status = words.next(),
                                     .remote_host = words.next(),
                                     .reply = words.next(),
                                     .will_retry_until = {}});
    }
    const auto notice = delivery_status_message(status);
    check_lines(notice);
    std::size_t parts = 0;
    for (auto at = notice.find("\r\n--boundary"); at != std::string::npos;
         at = notice.find("\r\n--boundary", at + 1))
        ++parts;
    check(parts == 4, "three parts and an end");
    HeaderReader reader(notice);
    std::size_t fields = 0;
    while (reader.next()) ++fields;
    check(fields == 8 || fields == 9, "no field is added");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const Words words{sims::split(text, '\x1e')};
    const bool flag = size % 2 == 0;
    check_received(words, flag);
    check_notice(words, flag);
    return 0;
}
