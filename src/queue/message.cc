#include "queue/message.h"

#include <algorithm>
#include <array>

namespace sims::queue {

namespace {

// Crockford's base-32: no I, L, O, U, so that an id read aloud stays itself.
constexpr std::string_view digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t text_min = 11;
constexpr std::size_t text_max = 13;  // 64 bits

constexpr std::array<int, 256> values_of_digits() {
    std::array<int, 256> values{};
    values.fill(-1);
    for (std::size_t i = 0; i < digits.size(); ++i) {
        values[static_cast<unsigned char>(digits[i])] = static_cast<int>(i);
    }
    return values;
}
constexpr auto values = values_of_digits();

}  // namespace

std::string QueueId::text() const {
    std::array<char, text_max> buffer;
    std::size_t at = buffer.size();
    std::uint64_t rest = value;
    while (rest != 0 || buffer.size() - at < text_min) {
        buffer[--at] = digits[rest & 31];
        rest >>= 5;
    }
    return std::string(buffer.data() + at, buffer.size() - at);
}

std::optional<QueueId> QueueId::parse(std::string_view text) {
    if (text.size() < text_min || text.size() > text_max) return std::nullopt;
    // One text for each id: no leading zeros beyond the shortest length, nothing above 64 bits.
    if (text.size() > text_min && text.front() == '0') return std::nullopt;
    if (text.size() == text_max && values[static_cast<unsigned char>(text.front())] > 15) return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : text) {
        const int digit = values[static_cast<unsigned char>(c)];
        if (digit < 0) return std::nullopt;
        value = value << 5 | static_cast<std::uint64_t>(digit);
    }
    QueueId id;
    id.value = value;
    return id;
}

std::string_view name_of(RecipientState state) {
    switch (state) {
        case RecipientState::waiting: return "waiting";
        case RecipientState::sending: return "sending";
        case RecipientState::held: return "held";
        case RecipientState::delivered: return "delivered";
        case RecipientState::failed: return "failed";
    }
    return "unknown";
}

bool is_over(RecipientState state) {
    return state == RecipientState::delivered || state == RecipientState::failed;
}

bool is_over(const QueuedMessage& message) {
    return std::all_of(message.recipients.begin(), message.recipients.end(),
                       [](const QueuedRecipient& recipient) { return is_over(recipient.state); });
}

}  // namespace sims::queue
