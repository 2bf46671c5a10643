#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "proto/smtp/reply_reader.h"

using namespace sims::smtp;
using sims::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    ReplyReader reader;
    for (const auto line : sims::split(input, '\n')) {
        const auto result = reader.on_line(line);
        if (!result) {
            check(!result.error().text.empty(), "a refusal has a reason");
            return 0;
        }
        if (!*result) continue;
        const auto& reply = **result;
        check(reply.code >= 200 && reply.code < 600, "codes are 200 to 599");
        check(reply.text.size() <= ReplyLimits::text_bytes_max + ReplyLimits::lines_max, "texts are bounded");
        std::string wire;
        sims::proto::append_reply(wire, reply);
        check(wire.size() >= 6, "a reply can be written");
        check(reply.one_line().find('\n') == std::string::npos, "one line is one line");
    }
    return 0;
}
