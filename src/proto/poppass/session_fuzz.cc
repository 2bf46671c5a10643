// Any lines, any outside world: only the codes 200, 300 and 500 are sent, one line each, and a password is
// changed only after a right one.
#include "base/check.h"
#include "proto/poppass/session.h"

using namespace sims;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    poppass::Session session({.host = "h", .limits = {}});
    auto step = session.greet();
    bool known = false;
    for (;;) {
        if (!step.reply.empty()) {
            const auto code = step.reply.substr(0, 4);
            check(code == "200 " || code == "300 " || code == "500 ", "a code no client expects");
            check(step.reply.find('\n') == step.reply.size() - 1, "one line");
        }
        if (std::holds_alternative<poppass::CloseConnection>(step.next)) return 0;
        if (rest.empty()) return 0;
        const bool bit = (rest.front() & 1) != 0;
        if (std::holds_alternative<poppass::CheckPassword>(step.next)) {
            known = bit;
            step = session.on(
                poppass::LoginJudged{bit ? poppass::LoginVerdict::right : poppass::LoginVerdict::wrong});
            continue;
        }
        if (std::holds_alternative<poppass::ChangePassword>(step.next)) {
            check(known, "a password changed without the old one");
            if (bit)
                step = session.on(poppass::PasswordChanged{});
            else
                step = session.on(poppass::PasswordRefused{std::string(rest)});
            continue;
        }
        const auto end = rest.find('\n');
        const auto line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        step = session.on(poppass::LineArrived{line});
    }
}
