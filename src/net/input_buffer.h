// Bytes that arrived and were not consumed. The room to read into is borrowed from a small stock of the
// thread and given back when nothing is left, so an idle connection owns no buffer. Never moves bytes without
// need.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace sims::net {

class InputBuffer {
public:
    static constexpr std::size_t bytes_max = 64 * 1024;

    InputBuffer() = default;
    ~InputBuffer();
    InputBuffer(const InputBuffer&) = delete;
    InputBuffer& operator=(const InputBuffer&) = delete;

    std::string_view bytes() const { return {data_.get() + begin_, end_ - begin_}; }
    std::size_t size() const { return end_ - begin_; }
    void consume(std::size_t count);  // count <= size()
    void clear();                     // forgets what it holds

    // Free space behind the bytes: all there is up to bytes_max. Views taken before are dead.
    std::span<char> room();
    void arrived(std::size_t count);  // count bytes were written into room()

    // Before a long wait: keeps no more memory than a few bytes need. Views taken before are dead.
    void shrink();

private:
    void give_back();

    std::unique_ptr<char[]> data_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace sims::net
