// Numbers in stored formats: little-endian, fixed width, checksummed.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace sims {

template <class T>
requires std::is_unsigned_v<T>
void put(std::string& out, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
}

// A text with its length in front (32 bits).
void put_text(std::string& out, std::string_view text);

// Reads a record front to back. Every take_ says nothing, for ever after, once the bytes run out.
class ByteReader {
public:
    explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

    template <class T>
    requires std::is_unsigned_v<T> std::optional<T> take() {
        if (rest_.size() < sizeof(T)) {
            rest_ = {};
            failed_ = true;
        }
        if (failed_) return std::nullopt;
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < sizeof(T); ++i) {
            value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
        }
        rest_.remove_prefix(sizeof(T));
        return static_cast<T>(value);
    }
    std::optional<std::string_view> take_bytes(std::size_t count);
    std::optional<std::string_view> take_text();  // as put_text() wrote it; borrowed from the input

    std::string_view rest() const { return rest_; }
    bool failed() const { return failed_; }
    bool at_end() const { return !failed_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool failed_ = false;
};

// CRC-32 (ISO 3309), as zlib's. `seed` is the value so far.
std::uint32_t crc32(std::string_view bytes, std::uint32_t seed = 0);

// Lower-case hexadecimal.
std::string hex(std::string_view bytes);

}  // namespace sims
