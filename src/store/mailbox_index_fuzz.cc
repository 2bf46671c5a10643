// Any bytes are read as an index, or refused; what is read is consistent and is written as it was.
#include <cstdint>

#include "base/bytes.h"
#include "base/check.h"
#include "store/mailbox_index.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sims;
    using store::MailboxIndex;
    std::string bytes(reinterpret_cast<const char*>(data), size);
    (void)MailboxIndex::decode(bytes);
    // The checksums made right, so that what lies behind them is reached.
    if (bytes.size() < MailboxIndex::header_size) return 0;
    const auto sum = [](std::string_view text) {
        std::string out;
        put(out, crc32(text));
        return out;
    };
    bytes.replace(0, 8, "SIMSIDX\n");
    bytes.replace(8, 8, std::string("\1\0\0\0\x2c\0\0\0", 8));
    std::string count;
    put(count, static_cast<std::uint64_t>((bytes.size() - MailboxIndex::header_size) / 44));
    bytes.replace(40, 8, count);
    bytes.replace(48, 4, sum(std::string_view(bytes).substr(MailboxIndex::header_size)));
    bytes.replace(52, 4, sum(std::string_view(bytes).substr(0, 52)));
    const auto index = MailboxIndex::decode(bytes);
    if (!index) return 0;
    std::uint64_t end = 0;
    for (std::size_t i = 0; i < index->size(); ++i) {
        const auto& entry = (*index)[i];
        check(entry.offset >= end && entry.stored_size <= index->covered_size() - entry.offset,
              "out of order");
        end = entry.offset + entry.stored_size;
    }
    return 0;
}
