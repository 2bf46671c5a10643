// The decoder against the plainest possible reading of the rules, in pieces of several sizes; and there and
// back through the DotStuffer.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "proto/smtp/body_decoder.h"
#include "proto/smtp/dot_stuffer.h"

using namespace sims::smtp;
using sims::check;

namespace {

constexpr std::uint64_t bytes_max = 512;

struct Decoded {
    std::string content;
    std::size_t consumed = 0;
    bool done = false;
    bool defect = false;
    friend bool operator==(const Decoded&, const Decoded&) = default;
};

Decoded reference(std::string_view octets) {
    Decoded result;
    const std::string all = "\r\n" + std::string(octets);
    const auto end = all.find("\r\n.\r\n");
    result.done = end != std::string::npos;
    result.consumed = result.done ? end + 3 : octets.size();
    const auto body = all.substr(0, result.done ? end + 2 : all.size());
    for (std::size_t i = 2; i < body.size(); ++i) {
        const char c = body[i];
        const bool after_crlf = body[i - 1] == '\n' && body[i - 2] == '\r';
        if (c == '\n' && body[i - 1] != '\r') result.defect = true;
        if (c == '\r' && i + 1 < body.size() && body[i + 1] != '\n') result.defect = true;
        if (c == '.' && after_crlf) continue;
        result.content += c;
    }
    if (result.content.size() > bytes_max) result.defect = true;
    if (result.defect) result.content.clear();
    return result;
}

Decoded decode(std::string_view octets, std::size_t step) {
    BodyDecoder decoder(bytes_max);
    Decoded result;
    while (result.consumed < octets.size() && !decoder.done()) {
        result.consumed += decoder.feed(octets.substr(result.consumed, step), result.content);
    }
    check(result.content.size() <= bytes_max, "never more than the limit");
    result.done = decoder.done();
    result.defect = decoder.defect().has_value();
    if (result.defect) result.content.clear();
    return result;
}

bool scan(std::string_view octets, std::size_t step) {
    ChunkScanner scanner;
    for (std::size_t at = 0; at < octets.size(); at += step) scanner.feed(octets.substr(at, step));
    scanner.finish();
    return !scanner.defect();
}

std::string stuff(std::string_view content, std::size_t step) {
    DotStuffer stuffer;
    std::string out;
    for (std::size_t at = 0; at < content.size(); at += step) stuffer.feed(content.substr(at, step), out);
    stuffer.finish(out);
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto expected = reference(input);
    for (const std::size_t step : {size + 1, std::size_t{1}, std::size_t{3}}) {
        auto got = decode(input, step);
        // A carriage return or dot at the very end may still become anything.
        if (!expected.done) {
            check(!got.done, "the end comes with CRLF.CRLF only");
            check(got.defect == expected.defect, "unfinished: the same defects");
            continue;
        }
        check(got == expected, "decoded as the rules say");
    }

    const bool clean = scan(input, size + 1);
    check(clean == scan(input, 1) && clean == scan(input, 2), "chunks: pieces do not matter");

    const auto sent = stuff(input, size + 1);
    check(sent == stuff(input, 1) && sent == stuff(input, 3), "stuffing: pieces do not matter");
    BodyDecoder decoder(UINT64_MAX);
    std::string back;
    check(decoder.feed(sent, back) == sent.size() && decoder.done() && !decoder.defect(),
          "what is sent ends where it should");
    if (clean && (input.empty() || input.substr(input.size() - 1) == "\n"))
        check(back == input, "there and back is the same");
    return 0;
}
