#include "serve/session_id.h"

#include <atomic>
#include <cstdint>

#include <fmt/format.h>

namespace sims::serve {

std::string next_session_id() {
    static std::atomic<std::uint64_t> last{0};
    return fmt::format("{:04X}", last.fetch_add(1, std::memory_order_relaxed) + 1);
}

}  // namespace sims::serve
