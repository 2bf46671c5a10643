#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "proto/common/lines.h"

using sims::check;
using sims::proto::LineSplitter;

namespace {

// What was found, in one string, when the input comes in pieces of `step` bytes.
std::string found_in_pieces(std::string_view input, std::size_t step) {
    constexpr std::size_t line_max = 16;
    LineSplitter splitter(line_max);
    std::string buffer;
    std::string found;
    for (std::size_t at = 0; at < input.size(); at += step) {
        buffer += input.substr(at, step);
        for (;;) {
            const auto next = splitter.next(buffer);
            check(next.consumed <= buffer.size(), "never more than there is");
            if (next.kind != LineSplitter::Kind::incomplete) {
                check(next.consumed > 0, "a line was consumed");
                check(next.text.size() + 1 <= line_max, "no line beyond the limit");
                found += static_cast<char>('0' + static_cast<int>(next.kind));
                found += next.text;
                found += '\n';
            }
            buffer.erase(0, next.consumed);
            if (next.consumed == 0) break;
        }
        check(buffer.size() < line_max, "an unfinished line stays below the limit");
    }
    return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto whole = found_in_pieces(input, size + 1);
    check(whole == found_in_pieces(input, 1), "pieces do not matter");
    check(whole == found_in_pieces(input, 5), "pieces do not matter");
    return 0;
}
