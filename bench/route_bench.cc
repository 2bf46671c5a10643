// How long the Router takes for one address, with a small and with a large table.
#include <string>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/text.h"
#include "route/router.h"

namespace {

using namespace sims;

class Names final : public route::LocalNames {
public:
    bool is_own_domain(std::string_view domain) const override { return domain == "example.org"; }
    bool is_main_domain(std::string_view domain) const override { return domain == "example.org"; }
    bool is_own_address_literal(std::string_view) const override { return false; }
    std::optional<std::string> account(std::string_view name, std::string_view) const override {
        if (equal_ignoring_case(name, "joe")) return "joe";
        return std::nullopt;
    }
};

// Every kind of record, a quarter each; wild cards of many lengths.
std::string table_text(std::int64_t records) {
    std::string text;
    for (std::int64_t i = 0; i < records; ++i) {
        switch (i % 4) {
            case 0: text += fmt::format("<alias{}> = joe\n", i); break;
            case 1: text += fmt::format("client{}.example = mx.client{}.example.smtp\n", i, i); break;
            case 2:
                text += fmt::format("*.branch{}{} = <local>joe\n",
                                    std::string(static_cast<std::size_t>(i % 37), 'x'), i);
                break;
            default: text += fmt::format("<*@shop{}.example> = *@client{}.example\n", i, i - 2); break;
        }
    }
    return text;
}

void route_address(benchmark::State& state, const std::string& text) {
    const auto table = route::Table::compile(table_text(state.range(0))).value();
    const auto address = mail::Address::parse(text).value();
    const Names names;
    for (auto _ : state) benchmark::DoNotOptimize(table->route(address, names));
}

void account(benchmark::State& state) { route_address(state, "joe@example.org"); }
void alias(benchmark::State& state) { route_address(state, "alias8@example.org"); }
void wild_card(benchmark::State& state) { route_address(state, "joe@deep.down.branchxxxxxx6"); }
void two_records(benchmark::State& state) { route_address(state, "sales@shop7.example"); }
void stranger(benchmark::State& state) { route_address(state, "somebody@mail.elsewhere.example"); }

void compile(benchmark::State& state) {
    const auto text = table_text(state.range(0));
    for (auto _ : state) benchmark::DoNotOptimize(route::Table::compile(text));
}

constexpr std::int64_t small_table = 10;
constexpr std::int64_t large_table = 100'000;

BENCHMARK(account)->Arg(small_table)->Arg(large_table);
BENCHMARK(alias)->Arg(small_table)->Arg(large_table);
BENCHMARK(wild_card)->Arg(small_table)->Arg(large_table);
BENCHMARK(two_records)->Arg(small_table)->Arg(large_table);
BENCHMARK(stranger)->Arg(small_table)->Arg(large_table);
BENCHMARK(compile)->Arg(small_table)->Arg(large_table)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
