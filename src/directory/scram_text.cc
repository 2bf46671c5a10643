#include "directory/scram_text.h"

#include <charconv>

#include <fmt/format.h>

#include "base/text.h"

namespace sims::directory {

std::string text_of(const sasl::ScramKeys& keys) {
    return fmt::format("{}${}${}${}", keys.iterations, sasl::encode_base64(keys.salt),
                       sasl::encode_base64(keys.stored_key), sasl::encode_base64(keys.server_key));
}

std::optional<sasl::ScramKeys> parse_scram_keys(std::string_view text) {
    constexpr std::size_t key_bytes = 32;
    const auto parts = split(text, '$');
    if (parts.size() != 4) return std::nullopt;
    sasl::ScramKeys keys;
    const auto end = parts[0].data() + parts[0].size();
    const auto number = std::from_chars(parts[0].data(), end, keys.iterations);
    const auto salt = sasl::decode_base64(parts[1]);
    const auto stored = sasl::decode_base64(parts[2]);
    const auto server = sasl::decode_base64(parts[3]);
    if (number.ec != std::errc() || number.ptr != end || keys.iterations == 0) return std::nullopt;
    if (!salt || salt->empty() || !stored || stored->size() != key_bytes || !server ||
        server->size() != key_bytes) {
        return std::nullopt;
    }
    keys.salt = *salt;
    keys.stored_key = *stored;
    keys.server_key = *server;
    return keys;
}

}  // namespace sims::directory
