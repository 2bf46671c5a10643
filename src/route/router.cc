#include "route/router.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "mail/utf8.h"
#include "route/walk.h"

namespace sims::route {
namespace {

constexpr std::size_t errors_told_max = 100;

class CompiledTable final : public Table {
public:
    explicit CompiledTable(std::vector<Record> records) {
        records_.records = std::move(records);
        for (std::uint32_t order = 0; order < records_.records.size(); ++order) add(order);
        for (auto* index : {&records_.domains, &records_.locals, &records_.addresses, &records_.named_domains,
                            &records_.open_addresses}) {
            index->seal();
        }
    }

    Route route(const mail::Address& address, const LocalNames& names) const override {
        return Walk(records_, names).run(address);
    }

private:
    void add(std::uint32_t order) {
        const auto& pattern = records_.records[order].pattern;
        switch (pattern.kind) {
            case PatternKind::domain:
                records_.domains.add(pattern.text, order);
                if (!pattern.has_star) records_.named_domains.add(pattern.text, order);
                break;
            case PatternKind::local: records_.locals.add(pattern.text, order); break;
            case PatternKind::address:
                (pattern.star_in_domain ? records_.open_addresses : records_.addresses)
                    .add(pattern.text, order);
                break;
        }
    }

    Records records_;
};

}  // namespace

std::string_view name_of(ResultKind kind) {
    switch (kind) {
        case ResultKind::account: return "account";
        case ResultKind::mirror: return "mirror";
        case ResultKind::smtp: return "smtp";
        case ResultKind::discard: return "discard";
        case ResultKind::refuse: return "refuse";
        case ResultKind::spamtrap: return "spamtrap";
    }
    return "refuse";
}

Result<std::shared_ptr<const Table>> Table::compile(std::string_view text) {
    if (text.size() > RouterLimits::table_bytes_max) return fail(Fault::limit, "the table is too long");
    std::vector<Record> records;
    std::string errors;
    std::size_t faults = 0;
    std::uint32_t number = 0;
    while (!text.empty()) {
        ++number;
        const auto length = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, length);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        text.remove_prefix(std::min(length + 1, text.size()));
        auto record = mail::is_utf8(line) ? parse_record(line)
                                          : Result<std::optional<Record>>(fail(Fault::invalid, "not UTF-8"));
        if (!record) {
            if (++faults > errors_told_max) continue;
            errors += fmt::format("{}line {}: {}", errors.empty() ? "" : "\n", number, record.error().text);
        } else if (*record) {
            (*record)->line = number;
            records.push_back(std::move(**record));
        }
    }
    if (faults > errors_told_max) errors += fmt::format("\nand {} more", faults - errors_told_max);
    if (faults > 0) return fail(Fault::invalid, std::move(errors));
    return std::shared_ptr<const Table>(std::make_shared<CompiledTable>(std::move(records)));
}

}  // namespace sims::route
