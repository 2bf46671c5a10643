// Any bytes as an Authorization field, and as a line of a log file: an answer within the input's size, or
// none.
#include "admin/authority.h"
#include "admin/log_reader.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace sims;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const auto& field : {std::string(text), "Basic " + std::string(text)}) {
        const auto credentials = admin::parse_basic(field);
        if (!credentials) continue;
        check(credentials->user.find(':') == std::string::npos, "a user's name with a colon");
        check(credentials->user.size() + credentials->password.size() < field.size(),
              "more came out than went in");
    }
    const auto record = admin::parse_log_line(text);
    if (!record || text.starts_with('{')) return 0;
    const auto again = admin::parse_log_line(admin::log_text(*record));
    check(again && again->text == record->text && again->id == record->id, "a log line does not read back");
    return 0;
}
