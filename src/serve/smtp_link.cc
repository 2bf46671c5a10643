#include "serve/smtp_link.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"
#include "net/background.h"
#include "proto/smtp/dot_stuffer.h"

namespace sims::serve {

namespace {

// Read, stuffed and sent at once: the memory a large message takes on its way out.
constexpr std::size_t content_piece_bytes = net::Stream::output_large;

using Input = smtp::ClientSession::Input;

// Their own functions, for g++ 12 must not see braced temporaries beside a co_await.
Input connection_lost(std::string reason) { return smtp::ClientSession::ConnectionLost{std::move(reason)}; }
Input reply_arrived(proto::Reply reply) { return smtp::ClientSession::ReplyArrived{std::move(reply)}; }
Input tls_failed(std::string reason) { return smtp::ClientSession::TlsFailed{std::move(reason)}; }
Input next_transaction(smtp::Transaction transaction) {
    return smtp::ClientSession::NextTransaction{std::move(transaction)};
}

}  // namespace

SmtpLink::SmtpLink(Parts parts, smtp::ClientOptions options, smtp::Transaction first)
    : parts_(std::move(parts)), session_(std::move(options), std::move(first)) {}

asio::awaitable<smtp::ClientSession::Report> SmtpLink::open(queue::ContentPointer content) {
    content_ = std::move(content);
    std::optional<Session::Report> report = co_await run(session_.greet());
    check(report.has_value(), "a session that ends without a report");
    co_return std::move(*report);
}

asio::awaitable<smtp::ClientSession::Report> SmtpLink::send(smtp::Transaction transaction,
                                                            queue::ContentPointer content) {
    content_ = std::move(content);
    Session::Step step = session_.on(next_transaction(std::move(transaction)));
    std::optional<Session::Report> report = co_await run(std::move(step));
    check(report.has_value(), "a transaction that ends without a report");
    co_return std::move(*report);
}

asio::awaitable<void> SmtpLink::leave() {
    Session::Step step = session_.on(Session::Leave());
    co_await run(std::move(step));
}

asio::awaitable<std::optional<smtp::ClientSession::Report>> SmtpLink::run(Session::Step step) {
    for (;;) {
        parts_.stream->put(step.send);
        if (auto* report = std::get_if<Session::Report>(&step.next)) {
            co_await parts_.stream->flush();  // a QUIT nobody waits for
            content_.reset();
            if (report->connection == Session::Connection::over) parts_.stream->close();
            co_return std::move(*report);
        }
        if (std::holds_alternative<Session::Close>(step.next)) {
            parts_.stream->close();
            co_return std::nullopt;
        }
        Input input = co_await perform(step.next);
        step = session_.on(std::move(input));
    }
}

asio::awaitable<Input> SmtpLink::perform(const Session::Effect& effect) {
    if (const auto* read = std::get_if<Session::ReadReply>(&effect)) return read_reply(read->phase);
    if (const auto* content = std::get_if<Session::SendContent>(&effect))
        return send_content(content->framing);
    check(std::holds_alternative<Session::StartTls>(effect), "an effect nobody performs");
    return start_tls();
}

Input SmtpLink::lost() const {
    if (parts_.stream->timed_out()) return connection_lost("the peer did not answer in time");
    return connection_lost("the connection was closed by the peer");
}

asio::awaitable<Input> SmtpLink::read_reply(smtp::Phase phase) {
    net::Stream& stream = *parts_.stream;
    stream.expect_within(time_limit(phase));
    // A peer that closes after its last words has them read all the same.
    co_await stream.flush();
    for (;;) {
        const std::string_view bytes = stream.buffered();
        const std::size_t end = bytes.find('\n');
        if (end == std::string_view::npos) {
            if (bytes.size() > smtp::ReplyLimits::line_bytes_max) {
                co_return connection_lost("the peer sent a reply line without end");
            }
            const bool more = co_await stream.fill();
            if (!more) co_return lost();
            continue;
        }
        std::string_view line = bytes.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        Result<std::optional<proto::Reply>> reply = replies_.on_line(line);
        stream.consume(end + 1);
        if (!reply) co_return connection_lost("the peer does not speak SMTP: " + reply.error().text);
        if (*reply) co_return reply_arrived(std::move(**reply));
    }
}

asio::awaitable<Input> SmtpLink::start_tls() {
    parts_.stream->expect_within(time_limit(smtp::Phase::start_tls));
    const Result<> shaken = co_await parts_.stream->connect_tls(*parts_.tls, parts_.host);
    if (!shaken) co_return tls_failed(shaken.error().text);
    co_return Session::TlsStarted();
}

asio::awaitable<Input> SmtpLink::send_content(smtp::Framing framing) {
    net::Stream& stream = *parts_.stream;
    smtp::DotStuffer stuffer;
    const std::optional<std::string_view> all = content_->in_memory();
    const std::uint64_t size = content_->size();
    std::string from_disk;
    for (std::uint64_t offset = 0; offset < size;) {
        std::string_view piece;
        if (all) {
            piece = all->substr(static_cast<std::size_t>(offset), content_piece_bytes);
        } else {
            auto read = [this, offset] { return content_->read(offset, content_piece_bytes); };
            Result<std::string> got = co_await net::run_on(parts_.disk, std::move(read));
            if (!got || got->empty()) {
                stream.close();
                co_return connection_lost("the message could not be read from the queue");
            }
            from_disk = std::move(*got);
            piece = from_disk;
        }
        offset += piece.size();
        if (framing == smtp::Framing::dots) {
            stuffer.feed(piece, stream.output());
        } else {
            stream.put(piece);
        }
        if (!stream.output_is_large()) continue;
        stream.expect_within(time_limit(smtp::Phase::content_block));
        const bool sent = co_await stream.flush();
        if (!sent) co_return lost();
    }
    // The end goes out with the rest, when the reply to it is waited for.
    if (framing == smtp::Framing::dots) stuffer.finish(stream.output());
    co_return Session::ContentSent();
}

}  // namespace sims::serve
