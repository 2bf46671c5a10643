// What a message's unique name is made of: SHA-256, cut to 16 bytes, over its stored bytes behind the From_
// line, without the fields mail readers change (docs/formats/mailbox.md "UIDs").
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "store/mailbox_store.h"

struct evp_md_ctx_st;

namespace sims::store {

// The digest of one message after the other. Movable, not shared.
class MessageDigest {
public:
    MessageDigest();
    ~MessageDigest();
    MessageDigest(MessageDigest&&) noexcept;
    MessageDigest& operator=(MessageDigest&&) noexcept;

    // The next line, with its line end; a long line may come in parts, the first of at least 64 bytes.
    void line(std::string_view bytes);
    void rest_of_line(std::string_view bytes);
    // The digest; a missing last line end counts as there. Ready for the next message.
    Uid finish();

private:
    void add(std::string_view bytes);
    void flush();

    struct Free {
        void operator()(evp_md_ctx_st* context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
    std::string waiting_;  // bytes not yet hashed: many short lines make one call
    bool fresh_ = true;    // nothing hashed yet: the context must be started
    bool in_header_ = true;
    bool skipping_ = false;  // the field at hand is one that readers change
    char last_ = '\n';
};

// The name of the `ordinal`-th of equal messages: the digest itself for 0.
Uid uid_of(const Uid& digest, std::uint32_t ordinal);

}  // namespace sims::store
