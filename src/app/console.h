// What every command that speaks with a server shares: asking, refusing, printing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/fwd.hpp>

#include "app/api_client.h"
#include "app/command_line.h"
#include "base/result.h"

namespace sims::app {

// Exit states of the contract.
inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

class Console {
public:
    Console(const CommandLine& line, ApiClient client) : line_(line), client_(std::move(client)) {}

    const CommandLine& line() const { return line_; }
    const std::string& argument(std::size_t index) const { return line_.arguments.at(index); }

    // The answer's value (null when it has none). Nothing: refused or failed, and that was printed.
    std::optional<boost::json::value> ask(std::string_view method, std::string_view path) const;
    std::optional<boost::json::value> ask(std::string_view method, std::string_view path,
                                          const boost::json::object& body) const;

private:
    std::optional<boost::json::value> send(std::string_view method, std::string_view path,
                                           const std::string& body) const;

    const CommandLine& line_;
    ApiClient client_;
};

// On standard error: "sims: TEXT", or as JSON. Gives exit_failed.
int complain(const CommandLine& line, const Error& error);
// "sims: TEXT". Gives exit_usage.
int misused(std::string_view text);

void print(std::string_view text);
void print_json(const boost::json::value& value);
// Columns as wide as their widest cell, two blanks apart; the last one open. The first row is the heading.
void print_table(const std::vector<std::vector<std::string>>& rows);

// A member as people read it: texts bare, truths as true and false, null as "-".
std::string member(const boost::json::object& object, std::string_view key);

// "KEY=VALUE" arguments from `first` on. Nothing: one has no '=', and that was printed.
std::optional<std::vector<std::pair<std::string, std::string>>> assignments(const CommandLine& line,
                                                                            std::size_t first);

// A whole file, "-" for standard input.
Result<std::string> read_input(const std::string& path);

// One line without its end. `what` is asked for on the terminal, with echo off.
Result<std::string> ask_password(const std::string& what);
Result<std::string> read_password_line();  // from standard input
bool has_terminal();

}  // namespace sims::app
