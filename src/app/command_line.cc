// The only file that includes CLI11: it takes seconds to compile.
#include "app/command_line.h"

#include <algorithm>
#include <string_view>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "base/text.h"

namespace sims::app {

namespace {

constexpr int wrong_usage = 2;

enum class Where { here, server };  // does the command speak with a running server
enum class Json { no, yes };

// Declares the commands and remembers which one was given.
class Grammar {
public:
    explicit Grammar(CommandLine& out) : out_(out), top_("SIMS, an Internet mail server", "sims") {
        top_.require_subcommand(1);
        top_.set_help_flag("-h,--help", "Prints this help");
        top_.set_version_flag("--version", "sims " SIMS_VERSION);
        add_base(top_);
        top_.get_formatter()->column_width(34);
    }

    CLI::App& top() { return top_; }

    CLI::App* group(const std::string& name, const std::string& about) {
        auto* made = top_.add_subcommand(name, about);
        made->require_subcommand(1);
        return made;
    }

    // A command of `parent`; its full name is kept for commands.cc.
    CLI::App* command(CLI::App& parent, const std::string& name, const std::string& about, Where where) {
        auto* made = parent.add_subcommand(name, about);
        const auto full = &parent == &top_ ? name : parent.get_name() + " " + name;
        made->callback([this, full] { out_.command = full; });
        add_base(*made);
        if (where == Where::here) return made;
        made->add_option("--server", out_.server, "Speaks with a remote server; needs --user")
            ->type_name("URL");
        made->add_option("--user", out_.user,
                         "Logs in as this account; password from $SIMS_PASSWORD or the terminal")
            ->type_name("NAME");
        made->add_flag("--json", out_.json, "Prints JSON");
        return made;
    }

    // Positional arguments, all of them in `arguments`.
    void takes(CLI::App* command, const std::vector<std::string>& names) {
        for (const auto& name : names) {
            const bool optional = name.front() == '[';
            const bool many = name.ends_with("...");
            auto clean = name;
            std::erase_if(clean, [](char c) { return c == '[' || c == ']' || c == '.'; });
            auto* option =
                many ? command->add_option_function<std::vector<std::string>>(
                           clean,
                           [this](const std::vector<std::string>& values) {
                               out_.arguments.insert(out_.arguments.end(), values.begin(), values.end());
                           },
                           "")
                     : command->add_option_function<std::string>(
                           clean, [this](const std::string& value) { out_.arguments.push_back(value); }, "");
            if (!optional) option->required();
        }
    }

private:
    // Before the command or behind it, as one likes.
    void add_base(CLI::App& to) {
        to.add_option("--base", out_.base, "The base folder; else $SIMS_BASE, else /var/lib/sims")
            ->type_name("DIR");
    }

    CommandLine& out_;
    CLI::App top_;
};

void declare_accounts(Grammar& grammar, CommandLine& out) {
    auto& group = *grammar.group("account", "Accounts");
    const auto add = [&](const char* name, const char* about) {
        return grammar.command(group, name, about, Where::server);
    };
    const auto password = [&](CLI::App* command) {
        command->add_flag("--password-stdin", out.password_stdin,
                          "Reads the password from standard input, one line");
    };
    add("list", "Lists all accounts");
    grammar.takes(add("show", "Shows an account"), {"NAME"});
    auto* made = add("add", "Adds an account");
    grammar.takes(made, {"NAME", "[KEY=VALUE...]"});
    password(made);
    grammar.takes(add("set", "Changes an account's settings"), {"NAME", "KEY=VALUE..."});
    auto* changed = add("passwd", "Changes an account's password");
    grammar.takes(changed, {"NAME"});
    password(changed);
    grammar.takes(add("rename", "Gives an account another name"), {"NAME", "NEW-NAME"});
    grammar.takes(add("remove", "Removes an account and its mailbox"), {"NAME"});
}

void declare_places(Grammar& grammar, CommandLine& out) {
    auto& domains = *grammar.group("domain", "Own domains");
    grammar.command(domains, "list", "Lists the server's own domains", Where::server);
    for (const auto& [name, about] : {std::pair{"show", "Shows a domain"}, std::pair{"add", "Adds a domain"},
                                      std::pair{"remove", "Removes a domain that has no accounts"}}) {
        grammar.takes(grammar.command(domains, name, about, Where::server), {"DOMAIN"});
    }
    auto& mirrors = *grammar.group("mirror", "Distribution mirrors");
    grammar.command(mirrors, "list", "Lists all mirrors", Where::server);
    grammar.takes(grammar.command(mirrors, "show", "Prints a mirror's list", Where::server), {"L-NAME"});
    grammar.takes(grammar.command(mirrors, "set", "Sets a mirror's list from a file, - for standard input",
                                  Where::server),
                  {"L-NAME", "FILE"});
    grammar.takes(grammar.command(mirrors, "remove", "Removes a mirror", Where::server), {"L-NAME"});

    auto& router = *grammar.group("router", "The Router");
    grammar.command(router, "show", "Prints the Router table", Where::server);
    grammar.takes(grammar.command(router, "set", "Sets the Router table from a file, - for standard input",
                                  Where::server),
                  {"FILE"});
    auto* test = grammar.command(router, "test", "Says what the Router makes of an address", Where::server);
    grammar.takes(test, {"ADDRESS"});
    test->add_option("--from-ip", out.from_ip, "Asks for a host with this address; else for a stranger")
        ->type_name("IP");
}

void declare_service(Grammar& grammar, CommandLine& out) {
    auto& settings = *grammar.group("settings", "Service settings");
    grammar.takes(
        grammar.command(settings, "show", "Shows settings with type, value and default", Where::server),
        {"[SERVICE]"});
    grammar.takes(grammar.command(settings, "set", "Changes settings", Where::server),
                  {"SERVICE", "KEY=VALUE..."});

    auto& queue = *grammar.group("queue", "The queue");
    grammar.command(queue, "list", "Lists what waits", Where::server);
    grammar.takes(grammar.command(queue, "show", "Shows a message's envelope and recipients", Where::server),
                  {"ID"});
    grammar.takes(grammar.command(queue, "retry", "Tries a message, or all, now", Where::server), {"[ID]"});
    grammar.takes(grammar.command(queue, "remove", "Removes a message; nobody is told", Where::server),
                  {"ID"});
    grammar.takes(grammar.command(queue, "hold", "Holds a message back", Where::server), {"ID"});
    grammar.takes(grammar.command(queue, "release", "Lets a held message go", Where::server), {"ID"});

    auto& mailbox = *grammar.group("mailbox", "Mailboxes");
    grammar.takes(grammar.command(mailbox, "check", "Verifies a mailbox against its index", Where::server),
                  {"NAME"});
    grammar.takes(grammar.command(mailbox, "rebuild", "Rebuilds a mailbox's index", Where::server), {"NAME"});

    auto* log = grammar.command(grammar.top(), "log", "Prints the server log", Where::server);
    log->add_flag("--follow", out.follow, "Goes on with what is written from now on");
    log->add_option("--level", out.level, "This level and graver ones")->type_name("LEVEL");
    log->add_option("--service", out.service, "Of this service only")->type_name("SERVICE");
    log->add_option("--id", out.id, "Of this session or message only, on all days")->type_name("ID");
}

}  // namespace

std::variant<CommandLine, Exit> parse_command_line(int argc, const char* const* argv) {
    CommandLine out;
    Grammar grammar(out);
    grammar.command(grammar.top(), "serve", "Runs the server in the foreground", Where::here);
    grammar.command(grammar.top(), "check", "Checks sims.toml, the folder, ports and the certificate",
                    Where::here);
    declare_accounts(grammar, out);
    declare_places(grammar, out);
    declare_service(grammar, out);
    try {
        grammar.top().parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // Of a word that is no command CLI11 only says that a command is missing.
        const auto unknown = grammar.top().remaining(true);
        if (error.get_name() == "RequiredError" && !unknown.empty()) {
            fmt::print(stderr, "sims: there is no command '{}' here; see sims --help\n",
                       printable(unknown.front()));
            return Exit{wrong_usage};
        }
        const int status = grammar.top().exit(error);
        return Exit{status == 0 ? 0 : wrong_usage};
    }
    if (!out.server.empty() && out.user.empty()) {
        fmt::print(stderr, "sims: --server needs --user\n");
        return Exit{wrong_usage};
    }
    return out;
}

}  // namespace sims::app
