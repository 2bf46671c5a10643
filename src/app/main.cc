// The program `sims`.
#include <variant>

#include "app/base_folder.h"
#include "app/command_line.h"
#include "app/commands.h"
#include "app/serve.h"

int main(int argc, char** argv) {
    using namespace sims::app;
    const auto parsed = parse_command_line(argc, argv);
    if (const auto* over = std::get_if<Exit>(&parsed)) return over->status;
    const auto& line = std::get<CommandLine>(parsed);
    if (line.command == "serve") return serve(line);
    if (line.command == "check") return check_installation(line);
    return run_command(line, choose_base(line.base));
}
