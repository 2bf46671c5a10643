#include "admin/pages.h"

#include <fmt/format.h>

namespace sims::admin {

namespace {

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            default: out.push_back(c);
        }
    }
    return out;
}

}  // namespace

std::string entrance_page(std::string_view hostname, std::string_view domain) {
    constexpr std::string_view page = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>SIMS on {0}</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 40em; margin: 3em auto; padding: 0 1em; color: #222; }}
code {{ background: #f2f2f2; padding: 0 .2em; }}
dt {{ font-weight: bold; }}
</style>
</head>
<body>
<h1>SIMS on {0}</h1>
<p>The mail server of <strong>{1}</strong>.</p>
<dl>
<dt><a href="/healthz">/healthz</a></dt><dd>Whether the server is ready.</dd>
<dt><a href="/metrics">/metrics</a></dt><dd>Its figures, for Prometheus.</dd>
<dt><a href="/api/v1/accounts">/api/v1/</a></dt>
<dd>Administration in JSON: accounts, domains, mirrors, router, settings, queue, log. Log in as an administrator,
such as Postmaster. On the server itself the command <code>sims</code> does the same.</dd>
</dl>
</body>
</html>
)";
    return fmt::format(fmt::runtime(page), escaped(hostname), escaped(domain));
}

}  // namespace sims::admin
