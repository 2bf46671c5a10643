#include "proto/smtp/reply_reader.h"

#include <utility>

#include "base/text.h"

namespace sims::smtp {

Result<std::optional<Reply>> ReplyReader::on_line(std::string_view line) {
    const auto bad = [&](std::string_view why) {
        gathered_.reset();
        lines_ = 0;
        return fail(Fault::invalid, std::string(why) + ": " + printable(line, 80));
    };
    if (line.size() > ReplyLimits::line_bytes_max) return bad("the reply has an over-long line");
    if (line.size() < 3 || line[0] < '2' || line[0] > '5' || !is_digit(line[1]) || !is_digit(line[2]))
        return bad("not an SMTP reply");
    const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    const char mark = line.size() > 3 ? line[3] : ' ';  // RFC 5321 4.2.1: "250" alone is to be taken, too
    if (mark != ' ' && mark != '-') return bad("not an SMTP reply");
    const auto text = line.size() > 4 ? line.substr(4) : std::string_view();
    if (!gathered_) {
        gathered_ = Reply{code, std::string(text)};
    } else {
        if (gathered_->code != code) return bad("the lines of one reply have different codes");
        if (gathered_->text.size() + text.size() > ReplyLimits::text_bytes_max ||
            lines_ >= ReplyLimits::lines_max)
            return bad("the reply is too long");
        gathered_->text += '\n';
        gathered_->text += text;
    }
    ++lines_;
    if (mark == '-') return std::optional<Reply>();
    lines_ = 0;
    return std::exchange(gathered_, std::nullopt);
}

}  // namespace sims::smtp
