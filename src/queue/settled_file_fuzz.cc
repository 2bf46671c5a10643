// Any bytes as a settled message: parsing is total, and what parses is formatted to something that parses
// alike.
#include <cstddef>
#include <cstdint>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "queue/settled_file.h"

using namespace sims;
using namespace sims::queue;

namespace {

void try_bytes(std::string_view bytes) {
    const auto parsed = parse_settled(bytes);
    if (!parsed) return;
    check(parsed->envelope_bytes <= bytes.size(), "an envelope longer than its file");
    const auto text = format_settled(parsed->settled);
    const auto again = parse_settled(text);
    check(again.has_value(), "a settled message that cannot be read again");
    check(format_settled(again->settled) == text, "a settled message that changes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    try_bytes(bytes);
    // With the first line put right, so that the lines behind it are read at all.
    const std::string body = std::string(bytes) + "\n\nContent follows\n";
    try_bytes(fmt::format("SIMS queued message 1, check {:08x}\n{}", crc32(body), body));
    return 0;
}
