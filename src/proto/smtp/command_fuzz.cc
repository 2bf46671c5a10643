#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "proto/smtp/command.h"

using namespace sims::smtp;
using sims::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string line(reinterpret_cast<const char*>(data), size);
    auto result = parse_command(line);
    if (const auto* error = std::get_if<ParseError>(&result)) {
        check(error->reply.is_permanent(), "a bad line is refused for good");
        check(!error->reply.text.empty() && error->reply.text[0] == '5', "with an enhanced code");
        return 0;
    }
    const auto& command = std::get<Command>(result);
    check(line.size() + 2 <= CommandLimits::line_bytes_max, "no over-long line is a command");
    if (const auto* hello = std::get_if<Hello>(&command)) {
        check(!hello->name.empty() && hello->name.size() <= CommandLimits::hello_bytes_max,
              "a name within limits");
        check(std::all_of(hello->name.begin(), hello->name.end(), [](char c) { return c > ' ' && c < 0x7f; }),
              "a printable name");
    }
    if (const auto* mail = std::get_if<MailFrom>(&command); mail && mail->sender.address) {
        check(mail->smtputf8 || mail->sender.address->is_ascii(), "UTF-8 needs SMTPUTF8");
        // What was understood is written so that it is understood again.
        const auto again =
            parse_command("MAIL FROM:<" + mail->sender.text() + ">" + (mail->smtputf8 ? " SMTPUTF8" : ""));
        check(std::get<MailFrom>(std::get<Command>(again)).sender == mail->sender,
              "a sender, written and read");
    }
    if (const auto* rcpt = std::get_if<RcptTo>(&command)) {
        const auto again = parse_command("RCPT TO:<" + rcpt->recipient.text() + ">");
        check(std::get<RcptTo>(std::get<Command>(again)).recipient == rcpt->recipient,
              "a recipient, written and read");
    }
    return 0;
}
