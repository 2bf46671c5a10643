#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "mail/header.h"

using sims::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view message(reinterpret_cast<const char*>(data), size);
    sims::mail::HeaderReader reader(message);
    std::size_t read = 0;
    while (const auto field = reader.next()) {
        check(!field->name.empty(), "a field has a name");
        check(field->name.find_first_of(": \t\r\n") == std::string_view::npos, "a name is one word");
        check(field->whole.data() == message.data() + read, "fields follow each other without a gap");
        check(field->whole.size() > field->name.size() + field->body.size(),
              "name, colon and body are in the whole");
        read += field->whole.size();
        const auto value = sims::mail::header_value(field->whole, field->name);
        check(value.has_value() && value->find('\n') == std::string::npos, "a value is one line");
    }
    check(reader.body_offset() >= read && reader.body_offset() <= read + 2,
          "an empty line at most is skipped");
    check(reader.body_offset() <= message.size(), "the body is in the message");
    check(!reader.next(), "the end stays the end");
    return 0;
}
