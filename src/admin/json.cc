#include "admin/json.h"

#include <boost/json.hpp>

namespace sims::admin {

namespace {

namespace json = boost::json;

// Bytes that are no UTF-8 (a peer's reply, a queue file) may not break the JSON around them: they become '?'.
json::string text(std::string_view bytes) {
    std::string out(bytes);
    for (std::size_t i = 0; i < out.size();) {
        const auto first = static_cast<unsigned char>(out[i]);
        const std::size_t length = first < 0x80       ? 1
                                   : first >> 5 == 6  ? 2
                                   : first >> 4 == 14 ? 3
                                   : first >> 3 == 30 ? 4
                                                      : 0;
        bool whole = length > 0 && i + length <= out.size();
        for (std::size_t k = 1; whole && k < length; ++k)
            whole = (static_cast<unsigned char>(out[i + k]) & 0xc0) == 0x80;
        if (!whole) out[i] = '?';
        i += whole ? length : 1;
    }
    return json::string(out.data(), out.size());
}

void put_if(json::object& object, json::string_view key, std::string_view value) {
    if (!value.empty()) object[key] = text(value);
}

json::object json_of(const route::RouteResult& result) {
    json::object out;
    out["kind"] = text(route::name_of(result.kind));
    if (!result.account.empty()) {
        out["account"] = text(directory::AccountName{result.account, result.domain}.text());
    }
    put_if(out, "host", result.host);
    if (result.port != 0) out["port"] = result.port;
    if (result.recipient) out["recipient"] = text(result.recipient->text());
    put_if(out, "text", result.text);
    return out;
}

json::object json_of(const queue::QueuedRecipient& recipient) {
    json::object out{{"address", text(recipient.address.text())},
                     {"state", text(queue::name_of(recipient.state))},
                     {"host", text(recipient.host)},
                     {"attempts", recipient.attempts},
                     {"next", nullptr},
                     {"last_reply", text(recipient.last_reply)}};
    // Before the first attempt no time was set.
    if (recipient.next != TimePoint{}) out["next"] = text(rfc3339(recipient.next));
    return out;
}

}  // namespace

json::object json_of(const AccountView& view) {
    const auto& account = view.account;
    json::object out{{"UserName", text(account.name.text())},
                     {"FullName", text(account.full_name)},
                     {"AccountEnabled", account.enabled},
                     {"LoginEnabled", account.login_enabled},
                     {"SizeLimit", account.size_limit_kbytes},
                     {"APOPrequired", account.apop_required},
                     {"NotifyMode", text(name_of(account.notify_mode))},
                     {"NotifyAddress", text(account.notify_address)},
                     {"Administrator", account.administrator},
                     {"messages", view.mailbox.messages},
                     {"bytes", view.mailbox.bytes},
                     {"last_login", nullptr}};
    if (account.last_login) {
        out["last_login"] = json::object{{"time", text(rfc3339(account.last_login->time))},
                                         {"address", text(account.last_login->address)},
                                         {"service", text(account.last_login->service)}};
    }
    return out;
}

json::object json_of(const DomainView& domain) {
    return {{"name", text(domain.name)}, {"main", domain.main}, {"accounts", domain.accounts}};
}

json::object json_of(const MirrorView& mirror) {
    return {{"name", text(mirror.name)}, {"members", mirror.members}, {"text", text(mirror.text)}};
}

json::object json_of(const SettingView& setting) {
    return {{"service", text(setting.spec->service)},       {"key", text(setting.spec->key)},
            {"type", text(name_of(setting.spec->type))},    {"value", text(setting.value)},
            {"default", text(setting.spec->default_value)}, {"sentence", text(setting.spec->sentence)}};
}

json::object json_of(const RouterTest& test) {
    json::array steps;
    for (const auto& step : test.route.steps) {
        json::object one{{"by", text(step.by)}};
        if (step.by == "record") one["line"] = step.line;
        one["address"] = text(step.address);
        steps.push_back(std::move(one));
    }
    json::array results;
    for (const auto& result : test.route.results) results.push_back(json_of(result));
    return {{"address", text(test.address)},
            {"steps", std::move(steps)},
            {"results", std::move(results)},
            {"relay", test.relay}};
}

json::object json_of(const queue::QueuedMessage& message) {
    json::array recipients;
    for (const auto& recipient : message.recipients) recipients.push_back(json_of(recipient));
    return {{"id", text(message.id.text())},
            {"sender", text(message.sender.text())},
            {"size", message.size},
            {"received", text(rfc3339(message.received))},
            {"recipients", std::move(recipients)}};
}

json::object json_of(const store::CheckReport& report) {
    json::array problems;
    for (const auto& problem : report.problems) problems.push_back(text(problem));
    return {{"messages", report.messages}, {"problems", std::move(problems)}};
}

json::object json_of(const LogPage& page) {
    json::array lines;
    for (const auto& line : page.lines) {
        lines.push_back(json::object{{"time", text(line.time)},
                                     {"level", text(name_of(line.level))},
                                     {"service", text(name_of(line.service))},
                                     {"id", text(line.id)},
                                     {"text", text(line.text)}});
    }
    return {{"lines", std::move(lines)}, {"next", text(page.next)}, {"more", page.more}};
}

json::object json_of(const Problem& problem) {
    json::object error{{"code", text(sims::name_of(problem.fault))}, {"message", text(problem.text)}};
    put_if(error, "field", problem.field);
    return {{"error", std::move(error)}};
}

}  // namespace sims::admin
