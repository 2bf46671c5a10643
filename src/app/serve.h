// `sims serve`: the server as a process: signals, limits, privileges, systemd.
#pragma once

#include "app/command_line.h"

namespace sims::app {

// Runs until SIGTERM or SIGINT. Gives the exit status.
int serve(const CommandLine& line);

// `sims check`: what sims.toml, folder, ports and certificate say, without a server.
int check_installation(const CommandLine& line);

}  // namespace sims::app
