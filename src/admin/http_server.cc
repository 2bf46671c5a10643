#include "admin/http_server.h"

#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

#include "admin/authority.h"
#include "admin/openapi.h"
#include "admin/pages.h"
#include "base/text.h"
#include "net/background.h"

namespace sims::admin {

namespace http = boost::beast::http;

namespace {

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

std::string response_head(int status, const Answer& answer, bool keep_alive) {
    const auto reason = view(http::obsolete_reason(static_cast<http::status>(status)));
    std::string head = fmt::format("HTTP/1.1 {} {}\r\n", status, reason);
    if (!answer.content_type.empty()) head += fmt::format("Content-Type: {}\r\n", answer.content_type);
    if (status != 204) head += fmt::format("Content-Length: {}\r\n", answer.body.size());
    if (status == 401) head += "WWW-Authenticate: Basic realm=\"SIMS\", charset=\"UTF-8\"\r\n";
    if (!answer.allow.empty()) head += fmt::format("Allow: {}\r\n", answer.allow);
    head += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n";
    head += "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n";
    head += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
    return head;
}

Answer plain(int status, std::string text, std::string type = "text/plain; charset=utf-8") {
    return {status, std::move(type), std::move(text), ""};
}

bool is_change(std::string_view method) { return method != "GET" && method != "HEAD" && method != "OPTIONS"; }

}  // namespace

// One request on its way through. Lives in the coroutine's frame.
struct HttpServer::Exchange {
    http::request_parser<http::string_body> parser;
    boost::beast::error_code error;
    ApiRequest request;
    bool keep_alive = false;

    Exchange() {
        parser.header_limit(static_cast<std::uint32_t>(HttpLimits::header_bytes_max));
        parser.body_limit(HttpLimits::body_bytes_max);
    }
    std::string_view field(http::field name) const { return view(parser.get()[name]); }
    bool is_api() const { return !request.target.path.empty() && request.target.path[0] == "api"; }

    // Hands what has arrived to the parser; false when it needs more than that.
    bool feed(net::Stream& stream) {
        const auto bytes = stream.buffered();
        if (bytes.empty()) return false;
        stream.consume(parser.put(asio::buffer(bytes.data(), bytes.size()), error));
        if (error != http::error::need_more) return true;
        error = {};
        // More than a full buffer for one element of the grammar is no request of ours.
        if (stream.buffered().size() >= net::Stream::input_buffer_max) error = http::error::buffer_overflow;
        return static_cast<bool>(error);
    }

    Answer broken() const {
        if (error == http::error::body_limit)
            return answer_error(413, "limit", "the request's body is too long");
        if (error == http::error::header_limit || error == http::error::buffer_overflow) {
            return answer_error(431, "limit", "the request's header is too long");
        }
        return answer_error(400, "invalid", "the request is not HTTP/1.1");
    }
};

// False: the peer is gone. A broken request is told by exchange.error.
asio::awaitable<bool> HttpServer::read_header(net::Stream& stream, Exchange& exchange) {
    stream.expect_within(HttpLimits::idle);
    while (!exchange.parser.is_header_done() && !exchange.error) {
        if (exchange.feed(stream)) continue;
        const bool more = co_await stream.fill();
        if (!more) co_return false;
    }
    co_return true;
}

asio::awaitable<bool> HttpServer::read_body(net::Stream& stream, Exchange& exchange) {
    stream.expect_within(HttpLimits::body);
    if (equal_ignoring_case(exchange.field(http::field::expect), "100-continue") &&
        !exchange.parser.is_done()) {
        stream.put("HTTP/1.1 100 Continue\r\n\r\n");
        const bool sent = co_await stream.flush();
        if (!sent) co_return false;
    }
    exchange.parser.eager(true);
    while (!exchange.parser.is_done() && !exchange.error) {
        if (exchange.feed(stream)) continue;
        const bool more = co_await stream.fill();
        if (!more) co_return false;
    }
    co_return true;
}

// Who may not is told so before the body is read.
asio::awaitable<std::optional<Answer>> HttpServer::refuse(net::Stream& stream, Door door,
                                                          Exchange& exchange) {
    auto& caller = exchange.request.caller;
    if (door == Door::local) {
        caller = {"administrator", "control.sock"};
        co_return std::nullopt;
    }
    if (!exchange.is_api()) co_return std::nullopt;
    const auto origin = exchange.field(http::field::origin);
    if (is_change(exchange.request.method) && is_foreign_origin(origin, exchange.field(http::field::host))) {
        co_return std::optional<Answer>(
            answer_error(403, "refused", "the request comes from another site's page"));
    }
    const auto from = stream.peer_address();
    const auto credentials = parse_basic(exchange.field(http::field::authorization));
    if (!credentials)
        co_return std::optional<Answer>(
            answer_error(401, "login", "log in with an account and its password"));
    stream.expect_within(HttpLimits::answer);
    auto& directory = parts_.operations.directory();
    auto work = [&directory, &credentials] { return judge_login(directory, *credentials); };
    const auto verdict = co_await net::run_on(parts_.pool, std::move(work));
    const auto name = printable(credentials->user, 64);
    switch (verdict.admission) {
        case Admission::welcome: caller = {verdict.account, from}; co_return std::nullopt;
        case Admission::forbidden:
            parts_.log.line(LogLevel::problems, Service::admin, "", "admin.forbidden",
                            "{} from {} is no administrator", name, from);
            co_return std::optional<Answer>(answer_error(403, "refused", "this account is no administrator"));
        case Admission::unavailable:
            co_return std::optional<Answer>(answer_error(503, "unavailable", "try again later"));
        case Admission::wrong: break;
    }
    parts_.log.line(LogLevel::problems, Service::admin, "", "admin.login_failed",
                    "login of {} from {} failed", name, from);
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer pause(executor, HttpLimits::failed_login_delay);
    boost::system::error_code ignored;
    auto token = asio::redirect_error(asio::use_awaitable, ignored);
    co_await pause.async_wait(token);
    co_return std::optional<Answer>(answer_error(401, "login", "wrong account or password"));
}

asio::awaitable<Answer> HttpServer::answer(Exchange& exchange) {
    auto& request = exchange.request;
    const bool describes = request.target.path == std::vector<std::string>{"api", "v1", "openapi.json"};
    if (describes && request.method == "GET") {
        co_return plain(200, openapi_document(parts_.hostname), "application/json");
    }
    if (exchange.is_api()) {
        request.body = std::move(exchange.parser.get().body());
        auto& operations = parts_.operations;
        auto work = [&operations, &request] { return answer_api(operations, request); };
        auto out = co_await net::run_on(parts_.pool, std::move(work));
        co_return out;
    }
    const auto page = request.target.path.size() == 1 ? request.target.path[0] : std::string();
    const bool known = request.target.path.empty() || page == "healthz" || page == "metrics";
    if (!known) co_return answer_error(404, "not_found", "there is no such resource");
    if (request.method != "GET") {
        auto out = answer_error(405, "method", "GET only");
        out.allow = "GET, HEAD";
        co_return out;
    }
    if (page == "healthz") co_return ready_.load() ? plain(200, "ok\n") : plain(503, "starting\n");
    if (page == "metrics") {
        auto& metrics = parts_.metrics;
        auto work = [&metrics] { return render_metrics(metrics()); };
        auto text = co_await net::run_on(parts_.pool, std::move(work));
        co_return plain(200, std::move(text), "text/plain; version=0.0.4; charset=utf-8");
    }
    co_return plain(200, entrance_page(parts_.hostname, parts_.domain), "text/html; charset=utf-8");
}

// One request and its answer; false when the connection ends.
asio::awaitable<bool> HttpServer::exchange(net::Stream& stream, Door door) {
    Exchange exchange;
    const bool begun = co_await read_header(stream, exchange);
    if (!begun) co_return false;
    std::optional<Answer> answered;
    bool is_head = false;
    if (!exchange.error) {
        exchange.request.method = std::string(view(exchange.parser.get().method_string()));
        is_head = exchange.request.method == "HEAD";
        if (is_head) exchange.request.method = "GET";
        auto target = parse_target(view(exchange.parser.get().target()));
        if (target) {
            exchange.request.target = std::move(*target);
            answered = co_await refuse(stream, door, exchange);
        } else {
            answered = answer_error(400, "invalid", "the request's target is broken");
        }
    }
    if (!exchange.error && !answered) {
        const bool whole = co_await read_body(stream, exchange);
        if (!whole) co_return false;
    }
    if (exchange.error) answered = exchange.broken();
    // What was refused early has a body still to come: the connection ends.
    exchange.keep_alive = !answered && exchange.parser.keep_alive();
    stream.expect_within(HttpLimits::answer);
    if (!answered) answered = co_await answer(exchange);
    stream.put(response_head(answered->status, *answered, exchange.keep_alive));
    if (!is_head) stream.put(answered->body);
    const bool sent = co_await stream.flush();
    co_return sent&& exchange.keep_alive;
}

asio::awaitable<void> HttpServer::serve(std::unique_ptr<net::Stream> stream, Door door) {
    // g++ 12 puts the truth of a condition that awaits in front of the coroutine's frame, and breaks it: name
    // it first.
    for (bool more = true; more;) more = co_await exchange(*stream, door);
}

}  // namespace sims::admin
