// The first line is an address, the second the names that exist, the rest a Router table.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/text.h"
#include "route/address_parser.h"
#include "route/router.h"

using sims::check;
using namespace sims::route;

namespace {

class Names final : public LocalNames {
public:
    explicit Names(std::string_view names) : names_(names) {}
    bool is_own_domain(std::string_view domain) const override {
        return domain == "own.test" || domain == "second.test";
    }
    bool is_main_domain(std::string_view domain) const override { return domain == "own.test"; }
    bool is_own_address_literal(std::string_view ip) const override { return ip == "192.0.2.1"; }
    std::optional<std::string> account(std::string_view name, std::string_view) const override {
        for (const auto known : sims::split(names_, ' ')) {
            if (!known.empty() && sims::equal_ignoring_case(known, name)) return std::string(known);
        }
        return std::nullopt;
    }

private:
    std::string_view names_;
};

void check_result(const RouteResult& result) {
    switch (result.kind) {
        case ResultKind::account:
        case ResultKind::mirror:
            check(!result.account.empty(), "an account has a name");
            check(result.domain.empty() || result.domain == "second.test", "in a domain of ours");
            break;
        case ResultKind::smtp:
            check(!result.host.empty() && result.recipient.has_value(), "a host and a recipient");
            check(result.port != 0 || (result.host != "own.test" && result.host != "second.test" &&
                                       result.host != "[192.0.2.1]" && result.host != "[127.0.0.1]"),
                  "we never call ourselves");
            break;
        case ResultKind::refuse:
            check(result.text.size() > 5 && result.text[1] == '.', "a refusal says why");
            break;
        case ResultKind::discard:
        case ResultKind::spamtrap: break;
    }
}

void check_route(const Route& route, bool has_table) {
    check(!route.results.empty() && route.results.size() <= RouterLimits::results_max,
          "results within their limit");
    bool foreign = false;
    bool by_record = false;
    for (const auto& result : route.results) {
        check_result(result);
        foreign = foreign || result.kind == ResultKind::smtp;
        check(!route.relay || result.kind != ResultKind::refuse, "what is refused is not relayed");
    }
    for (const auto& step : route.steps) by_record = by_record || step.by == "record";
    check(!by_record || has_table, "records come from the table");
    check(!(route.relay && foreign) || by_record, "nobody relays but a record");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto first = text.find('\n');
    const auto second = first == std::string_view::npos ? first : text.find('\n', first + 1);
    if (second == std::string_view::npos) return 0;
    const Names names(text.substr(first + 1, second - first - 1));
    const auto typed = text.substr(0, first);
    auto address = sims::mail::Address::parse(typed);
    if (!address) address = parse_address(typed);
    if (!address) return 0;
    static const TablePointer empty = Table::compile("").value();
    check_route(empty->route(*address, names), false);
    const auto table = Table::compile(text.substr(second + 1));
    if (table) check_route((*table)->route(*address, names), true);
    return 0;
}
