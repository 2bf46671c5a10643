// A message in pieces is sent as it is sent whole, and a client that undoes the stuffing has every octet of
// it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "proto/pop3/message_encoder.h"

using namespace sims;
using namespace sims::pop3;

namespace {

// What a client reads: up to the line that is a dot; nothing may follow it.
std::string decode(std::string_view wire) {
    std::string message;
    for (;;) {
        const auto end = wire.find("\r\n");
        check(end != std::string_view::npos, "no line of a dot alone");
        auto line = wire.substr(0, end);
        wire.remove_prefix(end + 2);
        if (line == ".") break;
        if (line.starts_with('.')) line.remove_prefix(1);
        message.append(line).append("\r\n");
    }
    check(wire.empty(), "octets after the last line");
    return message;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t piece_max = 1 + data[0] % 16;
    const std::optional<std::uint64_t> lines =
        data[1] < 128 ? std::optional<std::uint64_t>(data[1] % 8) : std::nullopt;
    // What the store promises: every LF has its CR.
    std::string message;
    for (std::size_t i = 2; i < size; ++i) {
        if (data[i] == '\n') message += '\r';
        message += static_cast<char>(data[i]);
    }
    std::string whole, parts;
    MessageEncoder one(lines), many(lines);
    one.feed(message, whole);
    one.finish(whole);
    for (std::size_t at = 0; at < message.size(); at += piece_max) {
        many.feed(std::string_view(message).substr(at, piece_max), parts);
    }
    many.finish(parts);
    check(whole == parts, "pieces make a difference");

    const auto read = decode(whole);
    if (lines) {
        check(read.starts_with(message.substr(0, std::min(read.size(), message.size()))),
              "not a beginning of the message");
    } else {
        check(read == message || read == message + "\r\n" || read == message + "\n", "not the message");
    }
    return 0;
}
