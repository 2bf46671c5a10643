#include "app/console.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <iostream>
#include <iterator>
#include <termios.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/text.h"

namespace sims::app {

namespace {

namespace json = boost::json;

constexpr std::size_t password_line_max = 4096;
constexpr std::size_t input_bytes_max = 64 << 20;

int complain_of(const CommandLine& line, const json::value& error, std::string_view message) {
    if (line.json) {
        fmt::print(stderr, "{}\n", json::serialize(error));
        return exit_failed;
    }
    for (const auto sentence : split(message, '\n')) {
        if (!sentence.empty()) fmt::print(stderr, "sims: {}\n", sentence);
    }
    return exit_failed;
}

// A refusal in the API's shape, or whatever a server in between said.
void complain_of_reply(const CommandLine& line, const ApiReply& reply) {
    boost::system::error_code error;
    const auto value = json::parse(reply.body, error);
    if (!error && value.is_object()) {
        const auto* refusal = value.get_object().if_contains("error");
        if (refusal != nullptr && refusal->is_object()) {
            complain_of(line, value, member(refusal->get_object(), "message"));
            return;
        }
    }
    complain(line, fail(Fault::unavailable, fmt::format("the server answered {}", reply.status)));
}

class Terminal {
public:
    Terminal() : descriptor_(open("/dev/tty", O_RDWR | O_CLOEXEC)) {}
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;
    ~Terminal() {
        if (silent_) tcsetattr(descriptor_, TCSAFLUSH, &before_);
        if (descriptor_ >= 0) close(descriptor_);
    }
    bool there() const { return descriptor_ >= 0; }
    void silence() {
        if (tcgetattr(descriptor_, &before_) != 0) return;
        auto quiet = before_;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        silent_ = tcsetattr(descriptor_, TCSAFLUSH, &quiet) == 0;
    }
    void say(std::string_view text) const {
        if (write(descriptor_, text.data(), text.size()) < 0) return;
    }
    Result<std::string> read_line() const {
        std::string out;
        char c = 0;
        while (out.size() < password_line_max && read(descriptor_, &c, 1) == 1) {
            if (c == '\n') return out;
            out.push_back(c);
        }
        return fail(Fault::invalid, "no password was given");
    }

private:
    int descriptor_;
    termios before_{};
    bool silent_ = false;
};

}  // namespace

std::optional<json::value> Console::send(std::string_view method, std::string_view path,
                                         const std::string& body) const {
    const auto reply = client_.call(method, path, body);
    if (!reply) {
        complain(line_, reply.error());
        return std::nullopt;
    }
    if (reply->status < 200 || reply->status > 299) {
        complain_of_reply(line_, *reply);
        return std::nullopt;
    }
    if (reply->body.empty()) return json::value(nullptr);
    boost::system::error_code error;
    auto value = json::parse(reply->body, error);
    if (!error) return value;
    complain(line_, fail(Fault::unavailable, "the server's answer is not JSON"));
    return std::nullopt;
}

std::optional<json::value> Console::ask(std::string_view method, std::string_view path) const {
    return send(method, path, std::string());
}

std::optional<json::value> Console::ask(std::string_view method, std::string_view path,
                                        const json::object& body) const {
    return send(method, path, json::serialize(body));
}

int complain(const CommandLine& line, const Error& error) {
    const json::object object{{"code", std::string(name_of(error.fault))}, {"message", error.text}};
    return complain_of(line, json::object{{"error", object}}, error.text);
}

int misused(std::string_view text) {
    fmt::print(stderr, "sims: {}\n", text);
    return exit_usage;
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print_json(const json::value& value) { print(json::serialize(value) + "\n"); }

void print_table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
        }
        while (line.ends_with(' ')) line.pop_back();
        print(line + "\n");
    }
}

std::string member(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(json::string_view(key.data(), key.size()));
    if (value == nullptr || value->is_null()) return "-";
    if (value->is_string()) return std::string(value->get_string().data(), value->get_string().size());
    return json::serialize(*value);
}

std::optional<std::vector<std::pair<std::string, std::string>>> assignments(const CommandLine& line,
                                                                            std::size_t first) {
    std::vector<std::pair<std::string, std::string>> out;
    for (std::size_t i = first; i < line.arguments.size(); ++i) {
        const auto& text = line.arguments[i];
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0) {
            misused(fmt::format("\"{}\" is not KEY=VALUE", printable(text)));
            return std::nullopt;
        }
        const auto key = text.substr(0, equals);
        if (equal_ignoring_case(key, "Password")) {
            misused("a password is not given as an argument, where others can read it: use --password-stdin");
            return std::nullopt;
        }
        out.emplace_back(key, text.substr(equals + 1));
    }
    return out;
}

Result<std::string> read_input(const std::string& path) {
    std::ifstream file;
    if (path != "-") {
        file.open(path, std::ios::binary);
        if (!file) return system_error(errno, "open", path);
    }
    std::istream& in = path == "-" ? std::cin : file;
    std::string out;
    std::array<char, 64 * 1024> chunk{};
    while (in.read(chunk.data(), chunk.size()) || in.gcount() > 0) {
        out.append(chunk.data(), static_cast<std::size_t>(in.gcount()));
        if (out.size() > input_bytes_max) return fail(Fault::limit, fmt::format("{} is too long", path));
    }
    if (in.bad()) return system_error(errno, "read", path);
    return out;
}

bool has_terminal() { return Terminal().there(); }

Result<std::string> ask_password(const std::string& what) {
    Terminal terminal;
    if (!terminal.there())
        return fail(Fault::invalid, "there is no terminal to ask for the password on: use --password-stdin");
    terminal.silence();
    terminal.say(what);
    auto line = terminal.read_line();
    terminal.say("\n");
    return line;
}

Result<std::string> read_password_line() {
    std::string line;
    if (!std::getline(std::cin, line)) return fail(Fault::invalid, "no password on standard input");
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || line.size() > password_line_max)
        return fail(Fault::invalid, "no password on standard input");
    return line;
}

}  // namespace sims::app
