#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "proto/pop3/command.h"

using namespace sims;
using namespace sims::pop3;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    const auto command = parse_command(line);
    const auto inside = [&](std::string_view part) {
        check(!part.empty() && part.data() >= line.data() &&
                  part.data() + part.size() <= line.data() + line.size(),
              "a text from outside the line");
    };
    if (const auto* user = std::get_if<User>(&command)) inside(user->name);
    if (const auto* pass = std::get_if<Pass>(&command)) inside(pass->password);
    return 0;
}
