#include "queue/settled_file.h"

#include <charconv>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/text.h"

namespace sims::queue {

namespace {

constexpr std::string_view title = "SIMS queued message 1, check ";
constexpr std::string_view inside_end = "Content follows\n";
constexpr std::string_view own_file_end = "Content elsewhere\n";
constexpr std::size_t sum_digits = 8;

// Control characters and the backslash as \xNN, so that a value is always one line.
void put_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f || c == '\\') {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += c;
        }
    }
}

std::optional<std::string> unescaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        unsigned value = 0;
        if (text.size() - i < 4 || text[i + 1] != 'x') return std::nullopt;
        const char* const first = text.data() + i + 2;
        if (std::from_chars(first, first + 2, value, 16).ptr != first + 2) return std::nullopt;
        out += static_cast<char>(value);
        i += 3;
    }
    return out;
}

// To the microsecond; times a calendar of four digits does not know as "@MICROSECONDS".
std::string time_text(TimePoint time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const auto count = time.time_since_epoch().count();
    constexpr std::int64_t year_10000 = 253'402'300'800;
    if (count < 0 || seconds.time_since_epoch().count() >= year_10000) return fmt::format("@{}", count);
    std::string text = rfc3339(seconds);
    text.pop_back();
    return text + fmt::format(".{:06}Z", (time - seconds).count());
}

template <class T>
std::optional<T> number(std::string_view text, int base = 10) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

std::optional<TimePoint> parse_time(std::string_view text) {
    if (text.starts_with('@')) {
        const auto count = number<std::int64_t>(text.substr(1));
        return count ? std::optional(TimePoint(Duration(*count))) : std::nullopt;
    }
    if (text.size() != 27 || text[19] != '.' || text[26] != 'Z' || !is_digit(text[20])) return std::nullopt;
    const auto seconds = parse_rfc3339(std::string(text.substr(0, 19)) + 'Z');
    const auto fraction = number<std::uint32_t>(text.substr(20, 6));
    if (!seconds || !fraction) return std::nullopt;
    return *seconds + Duration(*fraction);
}

std::string_view body_name(mail::BodyType type) {
    switch (type) {
        case mail::BodyType::seven_bit: return "7BIT";
        case mail::BodyType::eight_bit_mime: return "8BITMIME";
        case mail::BodyType::binary_mime: return "BINARYMIME";
    }
    return "7BIT";
}

std::optional<mail::BodyType> parse_body(std::string_view name) {
    for (const auto type :
         {mail::BodyType::seven_bit, mail::BodyType::eight_bit_mime, mail::BodyType::binary_mime}) {
        if (name == body_name(type)) return type;
    }
    return std::nullopt;
}

std::optional<RecipientState> parse_state(std::string_view name) {
    for (const auto state : {RecipientState::waiting, RecipientState::sending, RecipientState::held,
                             RecipientState::delivered, RecipientState::failed}) {
        if (name == name_of(state)) return state;
    }
    return std::nullopt;
}

std::optional<bool> parse_yes(std::string_view text) {
    if (text == "yes") return true;
    if (text == "no") return false;
    return std::nullopt;
}

std::string_view yes(bool holds) { return holds ? "yes" : "no"; }

void put_line(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    put_escaped(out, value);
    out += '\n';
}

void put_recipient(std::string& out, const QueuedRecipient& recipient) {
    put_line(out, "Recipient", '<' + recipient.address.text() + '>');
    if (!recipient.original.empty()) put_line(out, "Original", recipient.original);
    put_line(out, "State", name_of(recipient.state));
    put_line(out, "Attempts", std::to_string(recipient.attempts));
    if (recipient.next != TimePoint{}) put_line(out, "Next", time_text(recipient.next));
    put_line(out, "Warned", yes(recipient.warned));
    if (!recipient.host.empty()) put_line(out, "Host", recipient.host);
    if (!recipient.last_reply.empty()) put_line(out, "Reply", recipient.last_reply);
    if (!recipient.route.empty()) put_line(out, "Route", recipient.route);
    out += '\n';
}

// Reads "Name: value" lines one after the other.
class Lines {
public:
    explicit Lines(std::string_view text) : rest_(text) {}

    // The value of the next line when it has this name.
    std::optional<std::string> take(std::string_view name) {
        const auto end = rest_.find('\n');
        if (end == std::string_view::npos) return std::nullopt;
        const std::string_view line = rest_.substr(0, end);
        if (!line.starts_with(name) || !line.substr(name.size()).starts_with(": ")) return std::nullopt;
        auto value = unescaped(line.substr(name.size() + 2));
        if (value) rest_.remove_prefix(end + 1);
        return value;
    }
    bool take_empty() {
        if (!rest_.starts_with('\n')) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool at_end() const { return rest_.empty(); }

private:
    std::string_view rest_;
};

template <class Parse>
auto take_parsed(Lines& lines, std::string_view name, Parse parse) -> decltype(parse(std::string_view())) {
    const auto value = lines.take(name);
    if (!value) return std::nullopt;
    return parse(std::string_view(*value));
}

std::optional<mail::Address> parse_bracketed(std::string_view text) {
    if (text.size() < 3 || text.front() != '<' || text.back() != '>') return std::nullopt;
    auto address = mail::Address::parse(text.substr(1, text.size() - 2));
    if (!address) return std::nullopt;
    return std::move(*address);
}

std::optional<mail::ReversePath> parse_sender(std::string_view text) {
    if (text == "<>") return mail::ReversePath{};
    auto address = parse_bracketed(text);
    if (!address) return std::nullopt;
    return mail::ReversePath{std::move(*address)};
}

std::optional<QueuedRecipient> take_recipient(Lines& lines) {
    auto address = take_parsed(lines, "Recipient", parse_bracketed);
    if (!address) return std::nullopt;
    QueuedRecipient recipient{std::move(*address)};
    recipient.original = lines.take("Original").value_or("");
    const auto state = take_parsed(lines, "State", parse_state);
    const auto attempts =
        take_parsed(lines, "Attempts", [](std::string_view text) { return number<std::uint32_t>(text); });
    if (const auto next = lines.take("Next")) {
        const auto time = parse_time(*next);
        if (!time) return std::nullopt;
        recipient.next = *time;
    }
    const auto warned = take_parsed(lines, "Warned", parse_yes);
    if (!state || !attempts || !warned) return std::nullopt;
    recipient.state = *state;
    recipient.attempts = *attempts;
    recipient.warned = *warned;
    recipient.host = lines.take("Host").value_or("");
    recipient.last_reply = lines.take("Reply").value_or("");
    recipient.route = lines.take("Route").value_or("");
    if (!lines.take_empty()) return std::nullopt;
    return recipient;
}

// "below, check 8d11e0b2" or "in ID.content, check 8d11e0b2".
bool parse_content(std::string_view text, SettledMessage& settled) {
    const auto comma = text.rfind(", check ");
    if (comma == std::string_view::npos) return false;
    const auto sum = number<std::uint32_t>(text.substr(comma + 8), 16);
    if (!sum) return false;
    settled.content_crc = *sum;
    const std::string_view place = text.substr(0, comma);
    if (place == "below") {
        settled.place = ContentPlace::inside;
        return true;
    }
    settled.place = ContentPlace::own_file;
    return place == "in " + settled.message.id.text() + ".content";
}

std::optional<SettledMessage> parse_envelope(std::string_view text) {
    Lines lines(text);
    SettledMessage settled;
    QueuedMessage& message = settled.message;
    const auto id = take_parsed(lines, "Id", QueueId::parse);
    auto sender = take_parsed(lines, "Sender", parse_sender);
    const auto received = take_parsed(lines, "Received", parse_time);
    const auto size =
        take_parsed(lines, "Size", [](std::string_view value) { return number<std::uint64_t>(value); });
    const auto body = take_parsed(lines, "Body", parse_body);
    const auto utf8 = take_parsed(lines, "Utf8", parse_yes);
    const auto content = lines.take("Content");
    if (!id || !sender || !received || !size || !body || !utf8 || !content) return std::nullopt;
    message.id = *id;
    message.sender = std::move(*sender);
    message.received = *received;
    message.size = *size;
    message.body_type = *body;
    message.smtputf8 = *utf8;
    if (!parse_content(*content, settled) || !lines.take_empty()) return std::nullopt;
    while (!lines.at_end()) {
        auto recipient = take_recipient(lines);
        if (!recipient) return std::nullopt;
        message.recipients.push_back(std::move(*recipient));
    }
    return settled;
}

Error broken(std::string_view what) {
    return fail(Fault::corrupt, fmt::format("not a queued message: {}", what));
}

}  // namespace

std::string format_settled(const SettledMessage& settled) {
    const QueuedMessage& message = settled.message;
    const bool inside = settled.place == ContentPlace::inside;
    std::string body;
    put_line(body, "Id", message.id.text());
    put_line(body, "Sender", '<' + message.sender.text() + '>');
    put_line(body, "Received", time_text(message.received));
    put_line(body, "Size", std::to_string(message.size));
    put_line(body, "Body", body_name(message.body_type));
    put_line(body, "Utf8", yes(message.smtputf8));
    const std::string place = inside ? std::string("below") : "in " + message.id.text() + ".content";
    put_line(body, "Content", fmt::format("{}, check {:08x}", place, settled.content_crc));
    body += '\n';
    for (const auto& recipient : message.recipients) put_recipient(body, recipient);
    body += inside ? inside_end : own_file_end;
    return fmt::format("{}{:08x}\n{}", title, crc32(body), body);
}

Result<ParsedSettled> parse_settled(std::string_view bytes) {
    constexpr std::size_t first_line = title.size() + sum_digits + 1;
    if (!bytes.starts_with(title.substr(0, bytes.size()))) return broken("its first line is another");
    if (bytes.size() < first_line) return fail(Fault::limit, "the envelope goes on");
    const auto sum = number<std::uint32_t>(bytes.substr(title.size(), sum_digits), 16);
    if (!sum || bytes[first_line - 1] != '\n') return broken("its first line has no checksum");
    const std::string_view rest = bytes.substr(first_line);
    // Every line of the envelope is "Name: value" or empty: the first line that is not ends it.
    std::size_t end = rest.find("\n\nContent ");
    if (end == std::string_view::npos) return fail(Fault::limit, "the envelope goes on");
    end += 2;
    const std::string_view last = rest.substr(end);
    const bool inside = last.starts_with(inside_end);
    if (!inside && !last.starts_with(own_file_end)) {
        const auto longest = std::max(inside_end.size(), own_file_end.size());
        if (last.size() < longest) return fail(Fault::limit, "the envelope goes on");
        return broken("its envelope has no end");
    }
    const std::size_t last_bytes = inside ? inside_end.size() : own_file_end.size();
    if (crc32(rest.substr(0, end + last_bytes)) != *sum)
        return broken("the checksum of its envelope is wrong");
    auto settled = parse_envelope(rest.substr(0, end));
    if (!settled) return broken("a line of its envelope cannot be read");
    if (inside != (settled->place == ContentPlace::inside)) return broken("its content is in two places");
    return ParsedSettled{std::move(*settled), first_line + end + last_bytes};
}

}  // namespace sims::queue
