// The first line is an address, each other line an item of the list.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/text.h"
#include "guard/address_ranges.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using sims::guard::AddressRanges;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto lines = sims::split(text, '\n');
    bool any = false;
    std::vector<std::string> items;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        const auto alone = AddressRanges::parse({std::string(lines[i])});
        if (!alone) continue;
        any = any || alone->contains(lines[0]);
        items.emplace_back(lines[i]);
    }
    const auto list = AddressRanges::parse(items);
    sims::check(list.has_value(), "items that are good alone are good together");
    sims::check(list->contains(lines[0]) == any, "the merged list holds what its items hold");
    return 0;
}
