#include <array>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "admin/target.h"
#include "app/commands.h"

namespace sims::app {

namespace {

namespace json = boost::json;

std::string path_of(const Console& console) {
    return "accounts/" + admin::percent_encode(console.argument(0));
}

int list(const Console& console) {
    const auto answer = console.ask("GET", "accounts");
    if (!answer) return exit_failed;
    if (console.line().json) {
        print_json(*answer);
        return exit_done;
    }
    std::vector<std::vector<std::string>> rows{
        {"NAME", "MESSAGES", "BYTES", "MAIL", "LOGIN", "LIMIT", "LAST LOGIN", "FULL NAME"}};
    for (const auto& item : answer->as_array()) {
        const auto& account = item.as_object();
        const auto* login = account.if_contains("last_login");
        const auto on = [&](std::string_view key) { return member(account, key) == "true" ? "yes" : "no"; };
        const auto limit = member(account, "SizeLimit");
        rows.push_back(
            {member(account, "UserName"), member(account, "messages"), member(account, "bytes"),
             on("AccountEnabled"), on("LoginEnabled"), limit == "0" ? "none" : limit + " KB",
             login != nullptr && login->is_object() ? member(login->get_object(), "time") : "never",
             member(account, "FullName")});
    }
    print_table(rows);
    return exit_done;
}

int show(const Console& console) {
    const auto answer = console.ask("GET", path_of(console));
    if (!answer) return exit_failed;
    if (console.line().json) {
        print_json(*answer);
        return exit_done;
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, value] : answer->as_object()) {
        if (value.is_object()) {
            const auto& login = value.get_object();
            rows.push_back(
                {std::string(key), fmt::format("{} from {} by {}", member(login, "time"),
                                               member(login, "address"), member(login, "service"))});
        } else {
            rows.push_back(
                {std::string(key), member(answer->get_object(), std::string_view(key.data(), key.size()))});
        }
    }
    print_table(rows);
    return exit_done;
}

// Nothing in the result: none was given, which `add` may be content with.
Result<std::optional<std::string>> new_password(const Console& console) {
    if (console.line().password_stdin) {
        auto line = read_password_line();
        if (!line) return line.error();
        return std::optional<std::string>(std::move(*line));
    }
    if (!has_terminal()) return std::optional<std::string>();
    auto first = ask_password("New password: ");
    if (!first) return first.error();
    if (first->empty()) return std::optional<std::string>();
    const auto second = ask_password("Once more: ");
    if (!second) return second.error();
    if (*first != *second) return fail(Fault::invalid, "the two passwords differ");
    return std::optional<std::string>(std::move(*first));
}

int say_account(const Console& console, const json::value& account, const std::string& sentence) {
    if (console.line().json) {
        print_json(account);
    } else {
        print(sentence + "\n");
    }
    return exit_done;
}

int add(const Console& console) {
    const auto changes = assignments(console.line(), 1);
    if (!changes) return exit_usage;
    const auto password = new_password(console);
    if (!password) return complain(console.line(), password.error());
    json::object body{{"UserName", console.argument(0)}};
    for (const auto& [key, value] : *changes) body[key] = value;
    if (*password) body["Password"] = **password;
    const auto answer = console.ask("POST", "accounts", body);
    if (!answer) return exit_failed;
    const auto name = member(answer->as_object(), "UserName");
    if (*password) return say_account(console, *answer, fmt::format("account {} added", name));
    return say_account(
        console, *answer,
        fmt::format(
            "account {0} added, without a password: nobody can log in before `sims account passwd {0}`",
            name));
}

int set(const Console& console) {
    const auto changes = assignments(console.line(), 1);
    if (!changes) return exit_usage;
    json::object body;
    for (const auto& [key, value] : *changes) body[key] = value;
    const auto answer = console.ask("PATCH", path_of(console), body);
    if (!answer) return exit_failed;
    return say_account(console, *answer,
                       fmt::format("account {} changed", member(answer->as_object(), "UserName")));
}

int passwd(const Console& console) {
    const auto password = new_password(console);
    if (!password) return complain(console.line(), password.error());
    if (!*password)
        return complain(console.line(),
                        fail(Fault::invalid, "no password: use --password-stdin, or run it on a terminal"));
    const json::object body{{"password", **password}};
    if (!console.ask("PUT", path_of(console) + "/password", body)) return exit_failed;
    return say_account(console, json::object{{"UserName", console.argument(0)}},
                       fmt::format("password of account {} changed", console.argument(0)));
}

int rename(const Console& console) {
    const json::object body{{"to", console.argument(1)}};
    const auto answer = console.ask("POST", path_of(console) + "/rename", body);
    if (!answer) return exit_failed;
    return say_account(
        console, *answer,
        fmt::format("account {} is now {}", console.argument(0), member(answer->as_object(), "UserName")));
}

int remove(const Console& console) {
    if (!console.ask("DELETE", path_of(console))) return exit_failed;
    return say_account(console, json::object{{"UserName", console.argument(0)}},
                       fmt::format("account {} removed", console.argument(0)));
}

constexpr std::array<std::pair<std::string_view, Command>, 7> commands{{
    {"account list", &list},
    {"account show", &show},
    {"account add", &add},
    {"account set", &set},
    {"account passwd", &passwd},
    {"account rename", &rename},
    {"account remove", &remove},
}};

}  // namespace

Command account_command(std::string_view name) {
    for (const auto& [known, command] : commands) {
        if (known == name) return command;
    }
    return nullptr;
}

}  // namespace sims::app
