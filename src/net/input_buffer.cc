#include "net/input_buffer.h"

#include <cstring>
#include <utility>
#include <vector>

#include "base/check.h"

namespace sims::net {

namespace {

// Enough for the sessions of one reactor that are in the middle of something at the same moment.
constexpr std::size_t spare_buffers_max = 8;
// What is worth keeping in a block of its own size rather than in a whole buffer.
constexpr std::size_t residue_max = 4 * 1024;

std::vector<std::unique_ptr<char[]>>& spare_buffers() {
    thread_local std::vector<std::unique_ptr<char[]>> spare;
    return spare;
}

std::unique_ptr<char[]> take_buffer() {
    auto& spare = spare_buffers();
    if (spare.empty()) return std::make_unique_for_overwrite<char[]>(InputBuffer::bytes_max);
    auto buffer = std::move(spare.back());
    spare.pop_back();
    return buffer;
}

}  // namespace

InputBuffer::~InputBuffer() { give_back(); }

void InputBuffer::consume(std::size_t count) {
    check(count <= size(), "consumed more than has arrived");
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
}

void InputBuffer::clear() { begin_ = end_ = 0; }

std::span<char> InputBuffer::room() {
    if (capacity_ < bytes_max) {
        auto larger = take_buffer();
        if (size() > 0) std::memcpy(larger.get(), data_.get() + begin_, size());
        end_ = size();
        begin_ = 0;
        data_ = std::move(larger);
        capacity_ = bytes_max;
    } else if (begin_ > 0 && end_ == capacity_) {
        std::memmove(data_.get(), data_.get() + begin_, size());
        end_ = size();
        begin_ = 0;
    }
    return {data_.get() + end_, capacity_ - end_};
}

void InputBuffer::arrived(std::size_t count) {
    check(count <= capacity_ - end_, "more arrived than there was room for");
    end_ += count;
}

void InputBuffer::shrink() {
    if (capacity_ < bytes_max || size() > residue_max) return;
    if (size() == 0) {
        give_back();
        return;
    }
    const std::size_t kept = size();
    auto residue = std::make_unique_for_overwrite<char[]>(kept);
    std::memcpy(residue.get(), data_.get() + begin_, kept);
    give_back();
    data_ = std::move(residue);
    capacity_ = end_ = kept;
}

void InputBuffer::give_back() {
    if (capacity_ == bytes_max && spare_buffers().size() < spare_buffers_max) {
        spare_buffers().push_back(std::move(data_));
    }
    data_.reset();
    capacity_ = begin_ = end_ = 0;
}

}  // namespace sims::net
