#include <array>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "admin/target.h"
#include "app/commands.h"

namespace sims::app {

namespace {

namespace json = boost::json;

int say(const Console& console, const json::value& value, const std::string& sentence) {
    if (console.line().json) {
        print_json(value);
    } else {
        print(sentence + "\n");
    }
    return exit_done;
}

// A list of objects as a table of some of their members.
int print_list(const Console& console, std::string_view path, const std::vector<std::string>& keys,
               const std::vector<std::string>& heading) {
    const auto answer = console.ask("GET", path);
    if (!answer) return exit_failed;
    if (console.line().json) {
        print_json(*answer);
        return exit_done;
    }
    std::vector<std::vector<std::string>> rows{heading};
    for (const auto& item : answer->as_array()) {
        std::vector<std::string> row;
        row.reserve(keys.size());
        for (const auto& key : keys) row.push_back(member(item.as_object(), key));
        rows.push_back(std::move(row));
    }
    print_table(rows);
    return exit_done;
}

int settings_show(const Console& console) {
    std::string path = "settings";
    if (!console.line().arguments.empty()) path += "/" + admin::percent_encode(console.argument(0));
    return print_list(console, path, {"service", "key", "type", "value", "default", "sentence"},
                      {"SERVICE", "KEY", "TYPE", "VALUE", "DEFAULT", "MEANING"});
}

int settings_set(const Console& console) {
    const auto changes = assignments(console.line(), 1);
    if (!changes) return exit_usage;
    json::object body;
    for (const auto& [key, value] : *changes) body[key] = value;
    const auto path = "settings/" + admin::percent_encode(console.argument(0));
    if (!console.ask("PATCH", path, body)) return exit_failed;
    if (!console.line().json) {
        print(fmt::format("settings of {} changed\n", console.argument(0)));
        return exit_done;
    }
    const auto now = console.ask("GET", path);
    if (!now) return exit_failed;
    print_json(*now);
    return exit_done;
}

int router_show(const Console& console) {
    const auto answer = console.ask("GET", "router");
    if (!answer) return exit_failed;
    if (console.line().json) {
        print_json(*answer);
    } else {
        print(member(answer->as_object(), "text"));
    }
    return exit_done;
}

int router_set(const Console& console) {
    const auto text = read_input(console.argument(0));
    if (!text) return complain(console.line(), text.error());
    if (!console.ask("PUT", "router", json::object{{"text", *text}})) return exit_failed;
    return say(console, json::object{{"text", *text}}, "Router table set");
}

int router_test(const Console& console) {
    auto path = "router/test?address=" + admin::percent_encode(console.argument(0));
    if (!console.line().from_ip.empty()) path += "&from_ip=" + admin::percent_encode(console.line().from_ip);
    const auto answer = console.ask("GET", path);
    if (!answer) return exit_failed;
    if (console.line().json) {
        print_json(*answer);
        return exit_done;
    }
    const auto& test = answer->as_object();
    std::vector<std::vector<std::string>> rows{{member(test, "address"), ""}};
    for (const auto& item : test.at("steps").as_array()) {
        const auto& step = item.as_object();
        const auto by = member(step, "by");
        rows.push_back({"  " + member(step, "address"),
                        by == "record" ? "by line " + member(step, "line") : "by " + by});
    }
    for (const auto& item : test.at("results").as_array()) {
        std::string text;
        for (const auto& [key, value] : item.as_object()) {
            if (key == "kind") continue;
            if (!text.empty()) text += ", ";
            text += fmt::format("{} {}", std::string_view(key.data(), key.size()),
                                member(item.as_object(), std::string_view(key.data(), key.size())));
        }
        rows.push_back({"-> " + member(item.as_object(), "kind"), text});
    }
    print_table(rows);
    const auto who = console.line().from_ip.empty() ? std::string("a stranger") : console.line().from_ip;
    print(fmt::format("{} {} send there\n", who, member(test, "relay") == "true" ? "may" : "may not"));
    return exit_done;
}

std::string domain_path(const Console& console) {
    return "domains/" + admin::percent_encode(console.argument(0));
}

int domain_list(const Console& console) {
    return print_list(console, "domains", {"name", "accounts", "main"}, {"DOMAIN", "ACCOUNTS", "MAIN"});
}

int domain_show(const Console& console) {
    const auto answer = console.ask("GET", domain_path(console));
    if (!answer) return exit_failed;
    const auto& domain = answer->as_object();
    return say(console, *answer,
               fmt::format("{}: {} accounts{}", member(domain, "name"), member(domain, "accounts"),
                           member(domain, "main") == "true" ? ", the main domain" : ""));
}

int domain_add(const Console& console) {
    const auto answer = console.ask("POST", "domains", json::object{{"name", console.argument(0)}});
    if (!answer) return exit_failed;
    return say(console, *answer, fmt::format("domain {} added", console.argument(0)));
}

int domain_remove(const Console& console) {
    if (!console.ask("DELETE", domain_path(console))) return exit_failed;
    return say(console, json::object{{"name", console.argument(0)}},
               fmt::format("domain {} removed", console.argument(0)));
}

std::string mirror_path(const Console& console) {
    return "mirrors/" + admin::percent_encode(console.argument(0));
}

int mirror_list(const Console& console) {
    return print_list(console, "mirrors", {"name", "members"}, {"MIRROR", "MEMBERS"});
}

int mirror_show(const Console& console) {
    const auto answer = console.ask("GET", mirror_path(console));
    if (!answer) return exit_failed;
    if (console.line().json) {
        print_json(*answer);
    } else {
        print(member(answer->as_object(), "text"));
    }
    return exit_done;
}

int mirror_set(const Console& console) {
    const auto text = read_input(console.argument(1));
    if (!text) return complain(console.line(), text.error());
    const auto answer = console.ask("PUT", mirror_path(console), json::object{{"text", *text}});
    if (!answer) return exit_failed;
    const auto& mirror = answer->as_object();
    return say(console, *answer,
               fmt::format("mirror {} set, {} members", member(mirror, "name"), member(mirror, "members")));
}

int mirror_remove(const Console& console) {
    if (!console.ask("DELETE", mirror_path(console))) return exit_failed;
    return say(console, json::object{{"name", console.argument(0)}},
               fmt::format("mirror {} removed", console.argument(0)));
}

constexpr std::array<std::pair<std::string_view, Command>, 13> commands{{
    {"settings show", &settings_show},
    {"settings set", &settings_set},
    {"router show", &router_show},
    {"router set", &router_set},
    {"router test", &router_test},
    {"domain list", &domain_list},
    {"domain show", &domain_show},
    {"domain add", &domain_add},
    {"domain remove", &domain_remove},
    {"mirror list", &mirror_list},
    {"mirror show", &mirror_show},
    {"mirror set", &mirror_set},
    {"mirror remove", &mirror_remove},
}};

}  // namespace

Command service_command(std::string_view name) {
    for (const auto& [known, command] : commands) {
        if (known == name) return command;
    }
    return nullptr;
}

}  // namespace sims::app
