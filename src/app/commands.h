// The commands that speak with a server: thin clients of the API, one function each.
#pragma once

#include <string>

#include "app/command_line.h"
#include "app/console.h"

namespace sims::app {

// Gives the exit status. `base` is the base folder.
int run_command(const CommandLine& line, const std::string& base);

using Command = int (*)(const Console&);
// Nothing when the name is not one of the file's commands.
Command account_command(std::string_view name);  // account_commands.cc
Command service_command(std::string_view name);  // service_commands.cc: settings, router, domains, mirrors
Command message_command(std::string_view name);  // message_commands.cc: queue, mailboxes, log

}  // namespace sims::app
