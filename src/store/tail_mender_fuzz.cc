// Whatever a crash left: mending is total, done once is done for good, and whole messages stay.
#include <cstdint>

#include "base/check.h"
#include "mail/mbox.h"
#include "store/tail_mender.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sims;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const TimePoint when{std::chrono::seconds(1'795'000'000)};
    const std::string one = mail::mbox_render({}, when, "Received: one\r\n", bytes.substr(0, size / 2));
    const std::string two = mail::mbox_render({}, when, "Received: two\r\n", bytes.substr(size / 2));
    const std::string_view both[] = {one, two};
    check(store::mend_tail("x\n\n", one + two, both) == one + two, "whole messages do not stay");
    // Without its closing line, or even its last line end, a message is whole all the same.
    const std::string torn = two.substr(0, size % (two.size() - 2));
    check(store::mend_tail("x\n\n", one + torn, both) == one, "a torn one stays");
    const std::string mended = store::mend_tail("x\n\n", bytes, both);
    check(mended.size() <= bytes.size() * 3, "mending makes bytes");
    return 0;
}
