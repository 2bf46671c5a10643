#include "app/commands.h"

#include <cstdlib>
#include <exception>

#include <fmt/format.h>

#include "base/check.h"

namespace sims::app {

int run_command(const CommandLine& line, const std::string& base) {
    Command command = account_command(line.command);
    if (command == nullptr) command = service_command(line.command);
    if (command == nullptr) command = message_command(line.command);
    check(command != nullptr, "a command without a function");

    for (const auto& argument : line.arguments) {
        if (argument.empty()) return misused("an argument is empty");
    }
    ApiTarget target{base + "/control.sock", line.server, line.user, {}};
    if (!line.server.empty()) {
        if (const char* password = std::getenv("SIMS_PASSWORD")) {
            target.password = password;
        } else {
            auto asked = ask_password("Password of " + line.user + ": ");
            if (!asked) {
                return complain(
                    line, fail(Fault::invalid, "no password: set $SIMS_PASSWORD, or run it on a terminal"));
            }
            target.password = std::move(*asked);
        }
    }
    auto client = ApiClient::make(std::move(target));
    if (!client) return misused(client.error().text);
    const Console console(line, std::move(*client));
    try {
        return command(console);
    } catch (const std::exception& error) {
        // A JSON of another shape: whatever answered is no server of ours.
        return complain(line, fail(Fault::unavailable,
                                   fmt::format("the server's answer is of no use: {}", error.what())));
    }
}

}  // namespace sims::app
