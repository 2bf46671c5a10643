#include "admin/api.h"

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "admin/json.h"
#include "base/text.h"

namespace sims::admin {

namespace {

namespace json = boost::json;

Answer answer_value(const json::value& value, int status = 200) {
    return {status, "application/json", json::serialize(value) + "\n", ""};
}

Answer done() { return {204, "", "", ""}; }

// What an operation gave, as an answer.
template <class T>
Answer answer(const Outcome<T>& outcome, int status = 200) {
    if (!outcome) return answer_problem(outcome.error());
    if constexpr (std::is_void_v<T>) {
        return done();
    } else {
        return answer_value(json_of(*outcome), status);
    }
}

template <class T>
Answer answer_list(const std::vector<T>& items) {
    json::array out;
    for (const auto& item : items) out.push_back(json_of(item));
    return answer_value(out);
}

// What a request's body may hold: an object of texts, truths and numbers, each key once.
using Fields = std::vector<std::pair<std::string, std::string>>;

Outcome<std::string> field_text(const std::string& key, const json::value& value) {
    if (value.is_string()) return std::string(value.get_string().data(), value.get_string().size());
    if (value.is_bool() || value.is_int64() || value.is_uint64() || value.is_array())
        return json::serialize(value);
    return Problem(Fault::invalid,
                   fmt::format("{}: must be a text, a number, true or false", printable(key, 64)), key);
}

Outcome<Fields> parse_fields(const std::string& body) {
    boost::system::error_code error;
    const auto value = json::parse(body, error);
    if (error)
        return Problem(Fault::invalid, fmt::format("the request's body is not JSON: {}", error.message()));
    if (!value.is_object()) return Problem(Fault::invalid, "the request's body must be a JSON object");
    Fields out;
    for (const auto& [key, field] : value.get_object()) {
        std::string name(key.data(), key.size());
        auto text = field_text(name, field);
        if (!text) return text.error();
        out.emplace_back(std::move(name), std::move(*text));
    }
    return out;
}

// The fields when they are just these, all of them there, in this order.
Outcome<std::vector<std::string>> exact_fields(const std::string& body,
                                               const std::vector<std::string>& names) {
    const auto fields = parse_fields(body);
    if (!fields) return fields.error();
    std::vector<std::optional<std::string>> found(names.size());
    for (const auto& [key, value] : *fields) {
        const auto at = static_cast<std::size_t>(std::find(names.begin(), names.end(), key) - names.begin());
        if (at == names.size()) {
            return Problem(Fault::invalid, fmt::format("there is no field \"{}\" here", printable(key, 64)),
                           key);
        }
        found[at] = value;
    }
    std::vector<std::string> out;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (!found[i])
            return Problem(Fault::invalid, fmt::format("the field \"{}\" is missing", names[i]), names[i]);
        out.push_back(std::move(*found[i]));
    }
    return out;
}

struct AccountFields {
    std::optional<std::string> name, password;
    directory::AccountChange change;
};

Outcome<AccountFields> account_fields(const std::string& body) {
    const auto fields = parse_fields(body);
    if (!fields) return fields.error();
    AccountFields out;
    for (const auto& [key, value] : *fields) {
        if (equal_ignoring_case(key, "UserName")) {
            out.name = value;
        } else if (equal_ignoring_case(key, "Password")) {
            out.password = value;
        } else if (auto applied = directory::apply_attribute(out.change, key, value); !applied) {
            return Problem(Fault::invalid, applied.error().text, key);
        }
    }
    return out;
}

// One request, with its path behind /api/v1/.
class Call {
public:
    Call(Operations& operations, const ApiRequest& request)
        : operations_(operations),
          request_(request),
          path_(request.target.path.begin() + 2, request.target.path.end()) {}

    Answer run() {
        using Handler = Answer (Call::*)();
        static constexpr std::pair<std::string_view, Handler> resources[] = {
            {"accounts", &Call::accounts}, {"domains", &Call::domains},     {"mirrors", &Call::mirrors},
            {"router", &Call::router},     {"settings", &Call::settings},   {"queue", &Call::queue},
            {"log", &Call::log},           {"mailboxes", &Call::mailboxes},
        };
        for (const auto& [name, handler] : resources) {
            if (!path_.empty() && path_[0] == name) return (this->*handler)();
        }
        return nowhere();
    }

private:
    Answer accounts() {
        if (path_.size() == 1) {
            if (is("GET")) return answer_list(operations_.accounts());
            return is("POST") ? add_account() : wrong_method("GET, POST");
        }
        const auto& name = path_[1];
        if (path_.size() == 2) {
            if (is("GET")) return answer(operations_.account(name));
            if (is("PATCH")) return change_account(name);
            if (is("DELETE")) return answer(operations_.remove_account(request_.caller, name));
            return wrong_method("GET, PATCH, DELETE");
        }
        if (path_.size() == 3 && path_[2] == "password") {
            if (!is("PUT")) return wrong_method("PUT");
            const auto fields = exact_fields(request_.body, {"password"});
            if (!fields) return answer_problem(fields.error());
            return answer(operations_.set_password(request_.caller, name, fields->front()));
        }
        if (path_.size() == 3 && path_[2] == "rename") {
            if (!is("POST")) return wrong_method("POST");
            const auto fields = exact_fields(request_.body, {"to"});
            if (!fields) return answer_problem(fields.error());
            return answer(operations_.rename_account(request_.caller, name, fields->front()));
        }
        return nowhere();
    }

    Answer add_account() {
        const auto fields = account_fields(request_.body);
        if (!fields) return answer_problem(fields.error());
        if (!fields->name)
            return answer_problem({Fault::invalid, "the field \"UserName\" is missing", "UserName"});
        return answer(
            operations_.add_account(request_.caller, *fields->name, fields->change, fields->password), 201);
    }

    Answer change_account(const std::string& name) {
        const auto fields = account_fields(request_.body);
        if (!fields) return answer_problem(fields.error());
        if (fields->name) {
            return answer_problem({Fault::invalid, "an account gets another name by rename", "UserName"});
        }
        if (fields->password) {
            return answer_problem(
                {Fault::invalid, "a password is changed by PUT accounts/NAME/password", "Password"});
        }
        return answer(operations_.change_account(request_.caller, name, fields->change));
    }

    Answer domains() {
        if (path_.size() == 1) {
            if (is("GET")) return answer_list(operations_.domains());
            if (!is("POST")) return wrong_method("GET, POST");
            const auto fields = exact_fields(request_.body, {"name"});
            if (!fields) return answer_problem(fields.error());
            return answer(operations_.add_domain(request_.caller, fields->front()), 201);
        }
        if (path_.size() != 2) return nowhere();
        if (is("GET")) return answer(operations_.domain(path_[1]));
        if (is("DELETE")) return answer(operations_.remove_domain(request_.caller, path_[1]));
        return wrong_method("GET, DELETE");
    }

    Answer mirrors() {
        if (path_.size() == 1) return is("GET") ? mirror_list() : wrong_method("GET");
        if (path_.size() != 2) return nowhere();
        if (is("GET")) return answer(operations_.mirror(path_[1]));
        if (is("DELETE")) return answer(operations_.remove_mirror(request_.caller, path_[1]));
        if (!is("PUT")) return wrong_method("GET, PUT, DELETE");
        const auto fields = exact_fields(request_.body, {"text"});
        if (!fields) return answer_problem(fields.error());
        return answer(operations_.set_mirror(request_.caller, path_[1], fields->front()));
    }

    Answer mirror_list() {
        json::array out;
        for (const auto& mirror : operations_.mirrors()) {
            auto object = json_of(mirror);
            object.erase("text");
            out.push_back(std::move(object));
        }
        return answer_value(out);
    }

    Answer router() {
        if (path_.size() == 1) {
            if (is("GET")) {
                const auto table = operations_.router_table();
                return answer_value(json::object{{"text", table}});
            }
            if (!is("PUT")) return wrong_method("GET, PUT");
            const auto fields = exact_fields(request_.body, {"text"});
            if (!fields) return answer_problem(fields.error());
            auto set = operations_.set_router_table(request_.caller, fields->front());
            if (!set) return answer_problem({set.error().fault, set.error().text, "text"});
            return done();
        }
        if (path_.size() != 2 || path_[1] != "test") return nowhere();
        if (!is("GET")) return wrong_method("GET");
        const auto* address = request_.target.parameter("address");
        if (address == nullptr) {
            return answer_problem({Fault::invalid, "the parameter \"address\" is missing", "address"});
        }
        const auto* from = request_.target.parameter("from_ip");
        return answer(operations_.test_router(*address, from == nullptr ? std::string_view() : *from));
    }

    Answer settings() {
        if (path_.size() > 2) return nowhere();
        const auto service = path_.size() == 2 ? path_[1] : std::string();
        if (is("GET")) {
            const auto found = operations_.settings(service);
            return found ? answer_list(*found) : answer_problem(found.error());
        }
        if (service.empty() || !is("PATCH")) return wrong_method(service.empty() ? "GET" : "GET, PATCH");
        const auto fields = parse_fields(request_.body);
        if (!fields) return answer_problem(fields.error());
        return answer(operations_.set_settings(request_.caller, service, *fields));
    }

    Answer queue() {
        if (path_.size() == 1) return is("GET") ? answer_list(operations_.queue()) : wrong_method("GET");
        if (path_.size() == 2 && path_[1] == "retry") {
            return is("POST") ? answer(operations_.retry_all(request_.caller)) : wrong_method("POST");
        }
        if (path_.size() == 2) {
            if (is("GET")) return answer(operations_.queued(path_[1]));
            return is("DELETE") ? change_queue(Operations::QueueAction::remove) : wrong_method("GET, DELETE");
        }
        static constexpr std::pair<std::string_view, Operations::QueueAction> actions[] = {
            {"retry", Operations::QueueAction::retry},
            {"hold", Operations::QueueAction::hold},
            {"release", Operations::QueueAction::release},
        };
        for (const auto& [name, action] : actions) {
            if (path_.size() == 3 && path_[2] == name)
                return is("POST") ? change_queue(action) : wrong_method("POST");
        }
        return nowhere();
    }

    Answer change_queue(Operations::QueueAction action) {
        return answer(operations_.change_queue(request_.caller, action, path_[1]));
    }

    Answer mailboxes() {
        if (path_.size() != 3) return nowhere();
        if (path_[2] == "check") {
            if (!is("GET") && !is("POST")) return wrong_method("GET, POST");
            return answer(operations_.check_mailbox(path_[1]));
        }
        if (path_[2] != "rebuild") return nowhere();
        return is("POST") ? answer(operations_.rebuild_mailbox(request_.caller, path_[1]))
                          : wrong_method("POST");
    }

    Answer log() {
        if (path_.size() != 1) return nowhere();
        if (!is("GET")) return wrong_method("GET");
        LogQuestion question;
        for (const auto& [name, value] : request_.target.query) {
            if (name == "level") {
                const auto level = parse_log_level(value);
                if (!level) return answer_problem({Fault::invalid, unknown("log level", value), name});
                question.level = *level;
            } else if (name == "service") {
                question.service = parse_service(value);
                if (!question.service)
                    return answer_problem({Fault::invalid, unknown("service", value), name});
            } else if (name == "id") {
                question.id = value;
            } else if (name == "after") {
                question.after = value;
            } else {
                return answer_problem({Fault::invalid, unknown("parameter", name), name});
            }
        }
        return answer(operations_.log(question));
    }

    static std::string unknown(std::string_view what, std::string_view text) {
        return fmt::format("there is no {} \"{}\"", what, printable(text, 64));
    }
    bool is(std::string_view method) const { return request_.method == method; }
    Answer wrong_method(std::string_view allowed) const {
        auto out = answer_error(
            405, "method", fmt::format("{} is not for this: {}", printable(request_.method, 16), allowed));
        out.allow = std::string(allowed);
        return out;
    }
    static Answer nowhere() { return answer_error(404, "not_found", "there is no such resource"); }

    Operations& operations_;
    const ApiRequest& request_;
    std::vector<std::string> path_;
};

}  // namespace

int status_of(Fault fault) {
    switch (fault) {
        case Fault::invalid: return 400;
        case Fault::not_found: return 404;
        case Fault::exists: return 409;
        case Fault::refused: return 409;
        case Fault::limit: return 400;
        case Fault::busy:
        case Fault::unavailable: return 503;
        case Fault::no_space: return 507;
        case Fault::corrupt:
        case Fault::io: return 500;
    }
    return 500;
}

Answer answer_problem(const Problem& problem) {
    return answer_value(json_of(problem), status_of(problem.fault));
}

Answer answer_error(int status, std::string_view code, std::string_view message) {
    return answer_value(
        json::object{{"error", json::object{{"code", std::string(code)}, {"message", std::string(message)}}}},
        status);
}

Answer answer_api(Operations& operations, const ApiRequest& request) {
    const auto& path = request.target.path;
    if (path.size() < 2 || path[0] != "api" || path[1] != "v1") {
        return answer_error(404, "not_found", "there is no such resource");
    }
    return Call(operations, request).run();
}

}  // namespace sims::admin
