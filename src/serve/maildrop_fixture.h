// For the tests of this module: a maildrop in memory.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/mailbox_store.h"

namespace sims::serve {

class MemoryDrop final : public store::Maildrop {
public:
    void add(std::string wire) {
        store::MessageEntry entry;
        entry.wire_size = wire.size();
        entry.uid.bytes[0] = static_cast<std::uint8_t>(entries_.size() + 1);
        entries_.push_back(entry);
        wires_.push_back(std::move(wire));
    }
    std::span<const store::MessageEntry> messages() const override { return entries_; }
    Result<bool> read(Reading& reading, std::size_t chunk_max, std::string& out) override {
        ++reads;
        if (broken == reading.number) return fail(Fault::io, "broken");
        const auto& wire = wires_[reading.number];
        out.append(wire, reading.position, chunk_max);
        reading.position += std::min(chunk_max, wire.size() - reading.position);
        return reading.position < wire.size();
    }

    std::size_t reads = 0;
    std::optional<std::size_t> broken;

private:
    std::vector<store::MessageEntry> entries_;
    std::vector<std::string> wires_;
};

}  // namespace sims::serve
