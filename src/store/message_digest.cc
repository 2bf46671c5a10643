#include "store/message_digest.h"

#include <algorithm>
#include <array>

#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/text.h"

namespace sims::store {
namespace {

constexpr std::size_t waiting_max = 8192;
constexpr std::string_view changed_by_readers[] = {"Status", "X-Status",       "X-Keywords",
                                                   "X-UID",  "Content-Length", "Lines"};

// Fetched once: EVP_sha256() looks the algorithm up anew at each use.
const EVP_MD* sha256() {
    static const EVP_MD* const digest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    check(digest != nullptr, "OpenSSL has no SHA-256");
    return digest;
}

bool is_changed_by_readers(std::string_view line) {
    return std::any_of(std::begin(changed_by_readers), std::end(changed_by_readers), [&](auto name) {
        return line.size() > name.size() && line[name.size()] == ':' && starts_with_ignoring_case(line, name);
    });
}

}  // namespace

void MessageDigest::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

MessageDigest::MessageDigest() : context_(EVP_MD_CTX_new()) {
    check(context_ != nullptr, "out of memory for a digest");
}
MessageDigest::~MessageDigest() = default;
MessageDigest::MessageDigest(MessageDigest&&) noexcept = default;
MessageDigest& MessageDigest::operator=(MessageDigest&&) noexcept = default;

void MessageDigest::flush() {
    if (fresh_) check(EVP_DigestInit_ex(context_.get(), sha256(), nullptr) == 1, "digest not started");
    fresh_ = false;
    check(EVP_DigestUpdate(context_.get(), waiting_.data(), waiting_.size()) == 1, "digest not updated");
    waiting_.clear();
}

void MessageDigest::add(std::string_view bytes) {
    if (bytes.empty()) return;
    last_ = bytes.back();
    waiting_ += bytes;
    if (waiting_.size() >= waiting_max) flush();
}

void MessageDigest::line(std::string_view bytes) {
    if (in_header_) {
        if (bytes == "\n" || bytes == "\r\n") {
            in_header_ = false;
            skipping_ = false;
        } else if (bytes.front() != ' ' && bytes.front() != '\t') {
            skipping_ = is_changed_by_readers(bytes);
        }
    }
    if (!skipping_) add(bytes);
}

void MessageDigest::rest_of_line(std::string_view bytes) {
    if (!skipping_) add(bytes);
}

Uid MessageDigest::finish() {
    if (last_ != '\n') add("\n");
    flush();
    std::array<unsigned char, EVP_MAX_MD_SIZE> whole{};
    check(EVP_DigestFinal_ex(context_.get(), whole.data(), nullptr) == 1, "digest not finished");
    fresh_ = true;
    in_header_ = true;
    skipping_ = false;
    last_ = '\n';
    Uid uid;
    std::copy_n(whole.begin(), uid.bytes.size(), uid.bytes.begin());
    return uid;
}

Uid uid_of(const Uid& digest, std::uint32_t ordinal) {
    if (ordinal == 0) return digest;
    std::string text(reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size());
    put(text, ordinal);
    std::array<unsigned char, EVP_MAX_MD_SIZE> whole{};
    check(EVP_Digest(text.data(), text.size(), whole.data(), nullptr, sha256(), nullptr) == 1,
          "digest not made");
    Uid uid;
    std::copy_n(whole.begin(), uid.bytes.size(), uid.bytes.begin());
    return uid;
}

std::string Uid::text() const {
    static constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string text;
    text.reserve(22);
    std::uint32_t bits = 0;
    int count = 0;
    for (const std::uint8_t byte : bytes) {
        bits = (bits << 8) | byte;
        for (count += 8; count >= 6; count -= 6) text += alphabet[(bits >> (count - 6)) & 63];
    }
    text += alphabet[(bits << (6 - count)) & 63];
    return text;
}

}  // namespace sims::store
