#include "store/mailbox_scanner.h"

#include <cstring>

namespace sims::store {
namespace {

constexpr std::string_view from = "From ";

bool is_quoted(std::string_view line) {
    if (line.front() != '>') return false;
    const auto first = line.find_first_not_of('>');
    return first != std::string_view::npos && line.substr(first).starts_with(from);
}

}  // namespace

void MailboxScanner::feed(std::string_view bytes, std::vector<ScannedMessage>& found) {
    while (!bytes.empty()) {
        const auto* end = static_cast<const char*>(std::memchr(bytes.data(), '\n', bytes.size()));
        const std::size_t length = end ? static_cast<std::size_t>(end - bytes.data()) + 1 : bytes.size();
        const auto part = bytes.substr(0, length);
        bytes.remove_prefix(length);
        if (in_long_line_) {
            go_on_with_long_line(part);
        } else if (end && carry_.empty()) {
            take_line(part, found);
        } else {
            carry_ += part;
            if (end) {
                take_line(carry_, found);
                carry_.clear();
            } else if (carry_.size() >= line_start_max) {
                begin_long_line(found);
            }
        }
    }
}

void MailboxScanner::take_line(std::string_view line, std::vector<ScannedMessage>& found) {
    const std::uint64_t at = offset_;
    offset_ += line.size();
    if (boundary_ && line.starts_with(from)) {
        if (in_message_) end_message(at - empty_line_.size(), found);
        begin_message(at);
        return;
    }
    const bool is_empty = line == "\n" || line == "\r\n";
    if (!in_message_) {
        if (is_empty) return;  // empty lines before everything are nobody's
        begin_message(at);
    }
    flush_empty_line();
    boundary_ = is_empty;
    if (is_empty) {
        // It may be the one that closes the message: the next line will tell.
        empty_line_ = line.size() == 1 ? std::string_view("\n") : std::string_view("\r\n");
        return;
    }
    count(line);
    digest_.line(line);
}

void MailboxScanner::flush_empty_line() {
    if (empty_line_.empty()) return;
    message_.wire_size += 2;
    digest_.line(empty_line_);
    empty_line_ = {};
}

void MailboxScanner::count(std::string_view line) {
    const bool has_end = line.back() == '\n';
    const std::string_view text = has_end ? line.substr(0, line.size() - 1) : line;
    message_.wire_size += text.size() + (!text.empty() && text.back() == '\r' ? 1U : 2U);
    if (is_quoted(line)) --message_.wire_size;
}

void MailboxScanner::begin_long_line(std::vector<ScannedMessage>& found) {
    in_long_line_ = true;
    long_line_last_ = carry_.back();
    const bool begins = boundary_ && carry_.starts_with(from);
    if (begins) {
        if (in_message_) end_message(offset_ - empty_line_.size(), found);
        begin_message(offset_);
        in_from_line_ = true;
    } else {
        if (!in_message_) begin_message(offset_);
        flush_empty_line();
        message_.wire_size += carry_.size();
        digest_.line(carry_);
        quote_ = carry_.front() == '>' ? Quote::marks : Quote::no;
        quote_matched_ = 0;
        match_quote(carry_);
    }
    boundary_ = false;
    offset_ += carry_.size();
    carry_.clear();
}

void MailboxScanner::match_quote(std::string_view part) {
    for (const char c : part) {
        if (quote_ == Quote::no) return;
        if (quote_ == Quote::marks && c == '>') continue;
        quote_ = c == from[quote_matched_] ? Quote::from : Quote::no;
        if (quote_ == Quote::from && ++quote_matched_ == from.size()) {
            --message_.wire_size;
            quote_ = Quote::no;
        }
    }
}

void MailboxScanner::go_on_with_long_line(std::string_view part) {
    offset_ += part.size();
    const bool ends = part.back() == '\n';
    if (!in_from_line_) {
        digest_.rest_of_line(part);
        match_quote(part);
        message_.wire_size += part.size();
        const char before = part.size() > 1 ? part[part.size() - 2] : long_line_last_;
        if (ends && before != '\r') ++message_.wire_size;
    }
    long_line_last_ = part.back();
    if (!ends) return;
    in_long_line_ = false;
    in_from_line_ = false;
}

void MailboxScanner::begin_message(std::uint64_t at) {
    message_ = {};
    message_.offset = at;
    in_message_ = true;
    boundary_ = false;
    empty_line_ = {};
}

void MailboxScanner::end_message(std::uint64_t end, std::vector<ScannedMessage>& found) {
    message_.end = end;
    message_.digest = digest_.finish();
    found.push_back(message_);
    in_message_ = false;
}

void MailboxScanner::finish(std::vector<ScannedMessage>& found) {
    if (!carry_.empty()) {
        take_line(carry_, found);
        carry_.clear();
    } else if (in_long_line_ && !in_from_line_) {
        message_.wire_size += long_line_last_ == '\r' ? 1 : 2;
    }
    in_long_line_ = false;
    in_from_line_ = false;
    if (in_message_) end_message(offset_ - empty_line_.size(), found);
    empty_line_ = {};
    boundary_ = true;
}

std::vector<ScannedMessage> scan_mailbox(std::string_view bytes) {
    std::vector<ScannedMessage> found;
    MailboxScanner scanner(0);
    scanner.feed(bytes, found);
    scanner.finish(found);
    return found;
}

}  // namespace sims::store
