#include <array>
#include <chrono>
#include <cstdio>
#include <thread>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "admin/target.h"
#include "app/commands.h"

namespace sims::app {

namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds follow_pause{500};

std::string message_path(const Console& console) {
    return "queue/" + admin::percent_encode(console.argument(0));
}

void add_rows(std::vector<std::vector<std::string>>& rows, const json::object& message) {
    for (const auto& item : message.at("recipients").as_array()) {
        const auto& recipient = item.as_object();
        rows.push_back({member(message, "id"), member(message, "size"), member(message, "received"),
                        fmt::format("<{}>", member(message, "sender")),
                        fmt::format("<{}>", member(recipient, "address")), member(recipient, "state"),
                        member(recipient, "attempts"), member(recipient, "next"),
                        member(recipient, "last_reply")});
    }
}

const std::vector<std::string> queue_heading{"ID",    "SIZE",     "RECEIVED", "SENDER",    "RECIPIENT",
                                             "STATE", "ATTEMPTS", "NEXT",     "LAST REPLY"};

int queue_list(const Console& console) {
    const auto answer = console.ask("GET", "queue");
    if (!answer) return exit_failed;
    if (console.line().json) {
        print_json(*answer);
        return exit_done;
    }
    if (answer->as_array().empty()) {
        print("the queue is empty\n");
        return exit_done;
    }
    std::vector<std::vector<std::string>> rows{queue_heading};
    for (const auto& message : answer->as_array()) add_rows(rows, message.as_object());
    print_table(rows);
    return exit_done;
}

int queue_show(const Console& console) {
    const auto answer = console.ask("GET", message_path(console));
    if (!answer) return exit_failed;
    if (console.line().json) {
        print_json(*answer);
        return exit_done;
    }
    std::vector<std::vector<std::string>> rows{queue_heading};
    add_rows(rows, answer->as_object());
    print_table(rows);
    return exit_done;
}

int say_done(const Console& console, std::string_view word) {
    const bool all = console.line().arguments.empty();
    if (console.line().json) {
        print_json(all ? json::object{} : json::object{{"id", console.argument(0)}});
    } else {
        print(fmt::format("{} {}\n", all ? "the whole queue" : "message " + console.argument(0), word));
    }
    return exit_done;
}

int queue_retry(const Console& console) {
    const auto path =
        console.line().arguments.empty() ? std::string("queue/retry") : message_path(console) + "/retry";
    return console.ask("POST", path) ? say_done(console, "is tried now") : exit_failed;
}

int queue_remove(const Console& console) {
    return console.ask("DELETE", message_path(console)) ? say_done(console, "removed") : exit_failed;
}

int queue_hold(const Console& console) {
    return console.ask("POST", message_path(console) + "/hold") ? say_done(console, "held") : exit_failed;
}

int queue_release(const Console& console) {
    return console.ask("POST", message_path(console) + "/release") ? say_done(console, "released")
                                                                   : exit_failed;
}

int say_report(const Console& console, const json::value& report) {
    const auto& problems = report.at("problems").as_array();
    if (console.line().json) {
        print_json(report);
    } else {
        print(fmt::format("{}: {} messages, {}\n", console.argument(0),
                          member(report.as_object(), "messages"),
                          problems.empty() ? "file and index agree" : "file and index do not agree"));
        for (const auto& problem : problems) print("  " + std::string(problem.as_string()) + "\n");
    }
    return problems.empty() ? exit_done : exit_failed;
}

int mailbox_check(const Console& console) {
    const auto answer =
        console.ask("GET", "mailboxes/" + admin::percent_encode(console.argument(0)) + "/check");
    return answer ? say_report(console, *answer) : exit_failed;
}

int mailbox_rebuild(const Console& console) {
    const auto answer =
        console.ask("POST", "mailboxes/" + admin::percent_encode(console.argument(0)) + "/rebuild");
    return answer ? say_report(console, *answer) : exit_failed;
}

std::string upper(std::string text) {
    for (auto& c : text) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return text;
}

std::string log_line(const json::object& line) {
    return fmt::format("{} {} {}({}) {}\n", member(line, "time"), upper(member(line, "level")),
                       upper(member(line, "service")), member(line, "id"), member(line, "text"));
}

int log(const Console& console) {
    const auto& asked = console.line();
    std::string filter;
    for (const auto& [name, value] : {std::pair{"level", &asked.level}, std::pair{"service", &asked.service},
                                      std::pair{"id", &asked.id}}) {
        if (!value->empty()) filter += fmt::format("&{}={}", name, admin::percent_encode(*value));
    }
    std::string after;
    json::array all;
    for (;;) {
        const auto place = after.empty() ? std::string() : "&after=" + admin::percent_encode(after);
        const auto answer =
            console.ask("GET", "log?" + (place + filter).erase(0, place.empty() && filter.empty() ? 0 : 1));
        if (!answer) return exit_failed;
        for (const auto& line : answer->at("lines").as_array()) {
            if (!asked.json) {
                print(log_line(line.as_object()));
            } else if (asked.follow) {
                print_json(line);
            } else {
                all.push_back(line);
            }
        }
        std::fflush(stdout);
        after = member(answer->as_object(), "next");
        if (answer->at("more").as_bool()) continue;
        if (!asked.follow) break;
        std::this_thread::sleep_for(follow_pause);
    }
    if (asked.json) print_json(all);
    return exit_done;
}

constexpr std::array<std::pair<std::string_view, Command>, 9> commands{{
    {"queue list", &queue_list},
    {"queue show", &queue_show},
    {"queue retry", &queue_retry},
    {"queue remove", &queue_remove},
    {"queue hold", &queue_hold},
    {"queue release", &queue_release},
    {"mailbox check", &mailbox_check},
    {"mailbox rebuild", &mailbox_rebuild},
    {"log", &log},
}};

}  // namespace

Command message_command(std::string_view name) {
    for (const auto& [known, command] : commands) {
        if (known == name) return command;
    }
    return nullptr;
}

}  // namespace sims::app
