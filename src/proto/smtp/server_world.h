// For tests and fuzz targets: a driver of ServerSession without a socket. Bytes in, bytes out; the outside
// world (verdicts, storage) is asked through virtual functions.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "proto/common/lines.h"
#include "proto/smtp/server_session.h"

namespace sims::smtp {

class ServerWorld {
public:
    using Session = ServerSession;

    explicit ServerWorld(ServerOptions options) : session_(std::move(options)) {}
    virtual ~ServerWorld() = default;

    // Takes bytes as they come and returns what the server said.
    std::string receive(std::string_view bytes) {
        if (!started_) take(session_.greet());
        started_ = true;
        if (!closed_) input_ += bytes;
        while (!closed_ && advance()) {
        }
        return std::exchange(output_, {});
    }

    bool closed() const { return closed_; }
    const ServerSession& session() const { return session_; }

protected:
    virtual Session::Input judge(const Session::JudgeSender& question) = 0;
    virtual Session::Input judge(const Session::JudgeRecipient& question) = 0;
    virtual Session::Input begin(const mail::Envelope& envelope) = 0;  // MessageBegun, Refused
    virtual Session::Input complete(const mail::Envelope& envelope, const std::string& content) = 0;
    virtual Session::Input judge(const Session::CheckPassword& question) {
        const bool right = question.login == "joe" && question.password == "secret";
        return right ? Session::LoginJudged{Session::LoginVerdict::right, "joe"}
                     : Session::LoginJudged{Session::LoginVerdict::wrong};
    }
    virtual void on_step(const Session::Step&) {}

private:
    void take(Session::Step step) {
        on_step(step);
        if (step.reply) proto::append_reply(output_, *step.reply);
        effect_ = std::move(step.next);
        octets_left_ = 0;
        if (const auto* chunk = std::get_if<Session::ReceiveChunk>(&effect_)) octets_left_ = chunk->size;
        if (const auto* chunk = std::get_if<Session::DiscardChunk>(&effect_)) octets_left_ = chunk->size;
        if (!session_.holds_message()) content_.clear();
    }

    // False: nothing can be done before more bytes come.
    bool advance() {
        return std::visit([this](auto& effect) { return perform(effect); }, effect_);
    }

    bool perform(Session::ReadLine&) { return read_line(splitter_); }
    bool perform(Session::ReadResponse&) { return read_line(response_splitter_); }

    bool read_line(proto::LineSplitter& splitter) {
        const auto found = splitter.next(input_);
        const std::string line(found.text);
        input_.erase(0, found.consumed);
        switch (found.kind) {
            case proto::LineSplitter::Kind::incomplete: return found.consumed > 0;
            case proto::LineSplitter::Kind::line: take(session_.on(Session::LineArrived{line})); break;
            case proto::LineSplitter::Kind::bare_line_feed: take(session_.on(Session::BareLineFeed{})); break;
            case proto::LineSplitter::Kind::too_long: take(session_.on(Session::LineTooLong{})); break;
        }
        return true;
    }

    bool perform(Session::CheckPassword& question) { return answer(judge(question)); }
    bool perform(Session::AdmitLogin& effect) {
        return answer(Session::LoginJudged{Session::LoginVerdict::right, effect.login});
    }
    bool perform(Session::RejectLogin&) { return answer(Session::LoginJudged{Session::LoginVerdict::wrong}); }
    bool perform(Session::JudgeSender& question) { return answer(judge(question)); }
    bool perform(Session::JudgeRecipient& question) { return answer(judge(question)); }

    bool perform(Session::BeginMessage& effect) {
        envelope_ = std::move(effect.envelope);
        decoder_.reset();
        scanner_ = {};
        return answer(begin(envelope_));
    }

    bool perform(Session::ReceiveData& effect) {
        if (!decoder_) decoder_.emplace(effect.bytes_max);
        input_.erase(0, decoder_->feed(input_, content_));
        if (!decoder_->done()) return false;
        if (decoder_->defect()) return answer(Session::ContentRefused{*decoder_->defect()});
        return answer(complete(envelope_, content_));
    }

    bool perform(Session::ReceiveChunk& effect) {
        const auto count = take_octets();
        scanner_.feed(std::string_view(input_).substr(0, count));
        content_.append(input_, 0, count);
        input_.erase(0, count);
        if (octets_left_ > 0) return false;
        if (effect.last) content_ += scanner_.finish();
        if (scanner_.defect()) return answer(Session::ContentRefused{*scanner_.defect()});
        if (effect.last) return answer(complete(envelope_, content_));
        return answer(Session::ChunkReceived{});
    }

    bool perform(Session::DiscardChunk&) {
        input_.erase(0, take_octets());
        if (octets_left_ > 0) return false;
        return answer(Session::ChunkDiscarded{});
    }

    bool perform(Session::StartTls&) {
        input_.clear();  // what came before the handshake was never said
        return answer(Session::TlsStarted{std::string(32, 'x')});
    }

    bool perform(Session::CloseConnection&) {
        closed_ = true;
        return false;
    }

    std::size_t take_octets() {
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(input_.size(), octets_left_));
        octets_left_ -= count;
        return count;
    }

    bool answer(Session::Input input) {
        take(session_.on(std::move(input)));
        return true;
    }

    ServerSession session_;
    proto::LineSplitter splitter_{CommandLimits::line_bytes_max};
    proto::LineSplitter response_splitter_{sasl::ExchangeLimits::response_max};
    std::optional<BodyDecoder> decoder_;
    ChunkScanner scanner_;
    Session::Effect effect_;
    mail::Envelope envelope_;
    std::uint64_t octets_left_ = 0;
    std::string input_;
    std::string output_;
    std::string content_;
    bool started_ = false;
    bool closed_ = false;
};

}  // namespace sims::smtp
