// The command line as a value. Says nothing of what a command does: commands.h.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace sims::app {

// What was asked for. Fields that a command does not know stay empty.
struct CommandLine {
    std::string command;  // "serve", "account list", ...
    std::string base;     // --base; empty: $SIMS_BASE or the default
    std::string server;   // --server URL; empty: control.sock
    std::string user;     // --user
    bool json = false;
    bool password_stdin = false;
    bool follow = false;
    std::vector<std::string> arguments;  // in the order of the command's synopsis
    std::string from_ip, level, service, id;
};

struct Exit {
    int status;  // everything was said already
};

// Prints help and usage errors itself.
std::variant<CommandLine, Exit> parse_command_line(int argc, const char* const* argv);

}  // namespace sims::app
