#include "admin/openapi.h"

#include <array>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/text.h"

namespace sims::admin {

namespace {

namespace json = boost::json;

constexpr std::string_view account_keys =
    "FullName,AccountEnabled,LoginEnabled,SizeLimit,APOPrequired,NotifyMode,NotifyAddress,Administrator";
constexpr std::string_view new_account_keys =
    "UserName,Password,FullName,AccountEnabled,LoginEnabled,SizeLimit,APOPrequired,NotifyMode,NotifyAddress,"
    "Administrator";

constexpr auto descriptions = std::to_array<ApiDescription>({
    {"get", "/accounts", "All accounts", "", ""},
    {"post", "/accounts", "Adds an account; without a password nobody can log in", new_account_keys, ""},
    {"get", "/accounts/{name}", "An account", "", ""},
    {"patch", "/accounts/{name}", "Changes an account's settings", account_keys, ""},
    {"delete", "/accounts/{name}", "Removes an account and its mailbox", "", ""},
    {"put", "/accounts/{name}/password", "Changes a password", "password", ""},
    {"post", "/accounts/{name}/rename", "Gives an account another name", "to", ""},
    {"get", "/domains", "The server's own domains", "", ""},
    {"post", "/domains", "Adds a domain", "name", ""},
    {"get", "/domains/{name}", "A domain", "", ""},
    {"delete", "/domains/{name}", "Removes a domain that has no accounts", "", ""},
    {"get", "/mirrors", "All distribution mirrors, without their lists", "", ""},
    {"get", "/mirrors/{name}", "A mirror with its list", "", ""},
    {"put", "/mirrors/{name}", "Sets a mirror's list; makes the mirror when it is not there", "text", ""},
    {"delete", "/mirrors/{name}", "Removes a mirror", "", ""},
    {"get", "/router", "The Router table as it was written", "", ""},
    {"put", "/router", "Sets the Router table, or refuses it whole", "text", ""},
    {"get", "/router/test", "What becomes of an address, step by step", "", "address,from_ip"},
    {"get", "/settings", "The settings of all services", "", ""},
    {"get", "/settings/{service}", "A service's settings", "", ""},
    {"patch", "/settings/{service}", "Changes settings, all or none", "*", ""},
    {"get", "/queue", "The messages that wait", "", ""},
    {"post", "/queue/retry", "Tries everything now", "", ""},
    {"get", "/queue/{id}", "A message", "", ""},
    {"delete", "/queue/{id}", "Removes a message; nobody is told", "", ""},
    {"post", "/queue/{id}/retry", "Tries a message now", "", ""},
    {"post", "/queue/{id}/hold", "Holds a message back", "", ""},
    {"post", "/queue/{id}/release", "Lets a held message go", "", ""},
    {"get", "/mailboxes/{name}/check", "Verifies a mailbox against its index", "", ""},
    {"post", "/mailboxes/{name}/rebuild", "Rebuilds a mailbox's index", "", ""},
    {"get", "/log", "A page of the server log", "", "level,service,id,after"},
});

json::string text(std::string_view bytes) { return json::string(bytes.data(), bytes.size()); }

// "{name}" of a path, empty when it has none.
std::string_view path_parameter(std::string_view path) {
    const auto open = path.find('{');
    if (open == std::string_view::npos) return {};
    return path.substr(open + 1, path.find('}') - open - 1);
}

json::object parameter(std::string_view name, std::string_view in) {
    json::object out{{"name", text(name)}, {"in", text(in)}, {"schema", json::object{{"type", "string"}}}};
    if (in == "path") out["required"] = true;
    return out;
}

json::object request_body(std::string_view fields) {
    json::object schema{{"type", "object"}};
    json::object properties;
    for (const auto field : split(fields, ',')) {
        if (fields != "*") properties[text(field)] = json::object{};
    }
    schema["additionalProperties"] = fields == "*";
    if (!properties.empty()) schema["properties"] = std::move(properties);
    return {{"required", true},
            {"content", json::object{{"application/json", json::object{{"schema", std::move(schema)}}}}}};
}

json::object operation(const ApiDescription& one) {
    json::array parameters;
    if (const auto name = path_parameter(one.path); !name.empty())
        parameters.push_back(parameter(name, "path"));
    if (!one.query.empty()) {
        for (const auto name : split(one.query, ',')) parameters.push_back(parameter(name, "query"));
    }
    const json::object refused{
        {"description", "Refused or failed: {\"error\": {\"code\", \"message\", \"field\"}}"}};
    json::object out{
        {"summary", text(one.summary)},
        {"responses", json::object{{"2XX", json::object{{"description", "Done"}}}, {"default", refused}}}};
    if (!parameters.empty()) out["parameters"] = std::move(parameters);
    if (!one.fields.empty()) out["requestBody"] = request_body(one.fields);
    return out;
}

}  // namespace

std::span<const ApiDescription> api_descriptions() { return descriptions; }

std::string openapi_document(std::string_view hostname) {
    json::object paths;
    for (const auto& one : descriptions) {
        auto& path = paths[text(one.path)];
        if (!path.is_object()) path.emplace_object();
        path.get_object()[text(one.method)] = operation(one);
    }
    const json::object document{
        {"openapi", "3.0.3"},
        {"info",
         json::object{{"title", fmt::format("SIMS administration of {}", hostname)}, {"version", "1"}}},
        {"servers", json::array{json::object{{"url", "/api/v1"}}}},
        {"components",
         json::object{{"securitySchemes",
                       json::object{{"basic", json::object{{"type", "http"}, {"scheme", "basic"}}}}}}},
        {"security", json::array{json::object{{"basic", json::array{}}}}},
        {"paths", std::move(paths)}};
    return json::serialize(document) + "\n";
}

}  // namespace sims::admin
