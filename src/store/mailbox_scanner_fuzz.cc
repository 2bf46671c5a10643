// Any bytes are a mailbox: the messages found are in order, inside it, and as long on the wire as they are
// said to be, however the bytes are cut into chunks.
#include <cstdint>
#include <cstdlib>

#include "base/check.h"
#include "mail/mbox.h"
#include "store/mailbox_index.h"
#include "store/mailbox_scanner.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sims;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto found = store::scan_mailbox(bytes);

    std::vector<store::ScannedMessage> pieces;
    store::MailboxScanner scanner(0);
    for (std::size_t at = 0, step = 1; at < size; at += step, step = step * 3 % 101 + 1) {
        scanner.feed(bytes.substr(at, step), pieces);
    }
    scanner.finish(pieces);
    check(pieces.size() == found.size(), "chunks change the number of messages");

    std::uint64_t end = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
        const auto& message = found[i];
        check(message.offset >= end && message.end >= message.offset && message.end <= size, "out of order");
        check(pieces[i].offset == message.offset && pieces[i].end == message.end &&
                  pieces[i].wire_size == message.wire_size && pieces[i].digest == message.digest,
              "chunks change a message");
        end = message.end;
        auto text = bytes.substr(message.offset, message.end - message.offset);
        if (text.starts_with("From ")) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
        mail::MboxUnquoter unquoter;
        std::string wire;
        unquoter.feed(text, wire);
        unquoter.finish(wire);
        check(wire.size() == message.wire_size, "another size on the wire");
    }

    store::MailboxIndex index;
    index.add(found);
    index.set_covered({size, 1, TimePoint{}});
    const auto read_back = store::MailboxIndex::decode(index.encode());
    check(read_back && read_back->size() == found.size(), "the index does not come back");
    for (std::size_t i = 0; i < found.size(); ++i) {
        check((*read_back)[i].uid == index[i].uid && index.digest_of(index[i].uid) == found[i].digest,
              "the index changes a UID");
    }
    return 0;
}
