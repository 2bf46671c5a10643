#include "base/bytes.h"

#include <zlib.h>

#include "base/check.h"

namespace sims {

void put_text(std::string& out, std::string_view text) {
    check(text.size() <= UINT32_MAX, "a stored text longer than 4 GiB");
    put(out, static_cast<std::uint32_t>(text.size()));
    out.append(text);
}

std::optional<std::string_view> ByteReader::take_bytes(std::size_t count) {
    if (failed_ || rest_.size() < count) {
        rest_ = {};
        failed_ = true;
        return std::nullopt;
    }
    const auto bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
}

std::optional<std::string_view> ByteReader::take_text() {
    const auto length = take<std::uint32_t>();
    if (!length) return std::nullopt;
    return take_bytes(*length);
}

std::uint32_t crc32(std::string_view bytes, std::uint32_t seed) {
    return static_cast<std::uint32_t>(
        ::crc32_z(seed, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
        out.push_back(digits[static_cast<unsigned char>(c) & 15]);
    }
    return out;
}

}  // namespace sims
