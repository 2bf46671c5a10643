#include "serve/queue_runner.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/background.h"
#include "serve/relay_delivery.h"

namespace sims::serve {

namespace {

// Taken from the office in one go.
constexpr std::size_t batch_max = 32;
constexpr std::chrono::milliseconds pause_max{60'000};
// Something due may have to wait for a free connection of its destination: do not ask again at once.
constexpr std::chrono::milliseconds pause_min{50};

}  // namespace

// The loop runs on one reactor; deliveries on all.
class QueueRunner::Dispatcher : public std::enable_shared_from_this<Dispatcher> {
public:
    Dispatcher(Parts parts, QueueRunnerSettings settings)
        : parts_(std::move(parts)), settings_(std::move(settings)), reactor_(parts_.reactors.next()) {}

    void start() {
        parts_.office.on_relay_work([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->wake();
        });
        asio::co_spawn(reactor_, dispatch(shared_from_this()), asio::detached);
    }
    void stop() {
        if (stopping_.exchange(true)) return;
        asio::post(reactor_, [self = shared_from_this()] {
            if (self->timer_) self->timer_->cancel();
        });
    }
    std::size_t active() const { return active_; }

private:
    using Self = std::shared_ptr<Dispatcher>;

    // Counts one delivery; also ends it when the reactors are destroyed under it.
    struct Turn {
        explicit Turn(Self dispatcher) : self(std::move(dispatcher)) {}
        ~Turn() {
            --self->active_;
            self->wake();
        }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        Self self;
    };

    void wake() {
        if (stopping_ || woken_.exchange(true)) return;
        asio::post(reactor_, [self = shared_from_this()] {
            if (self->timer_) self->timer_->cancel();
        });
    }

    static asio::awaitable<void> dispatch(Self self) {
        asio::steady_timer timer(self->reactor_);
        self->timer_ = &timer;
        while (!self->stopping_) {
            self->woken_ = false;
            co_await take_work(self);
            timer.expires_after(self->pause());
            // A wake after this is a handler of this thread: it cancels the wait. One before is seen here.
            if (self->woken_ || self->stopping_) continue;
            boost::system::error_code cancelled;
            co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
        }
        self->timer_ = nullptr;
    }

    static asio::awaitable<void> take_work(Self self) {
        while (!self->stopping_ && self->active_ < self->settings_.connections_max) {
            const std::size_t free = self->settings_.connections_max - self->active_;
            auto take = [&self, count = std::min(free, batch_max)] {
                std::vector<office::RelayTask> tasks;
                while (tasks.size() < count && !self->stopping_) {
                    auto task = self->parts_.office.next_relay();
                    if (!task) break;
                    tasks.push_back(std::move(*task));
                }
                return tasks;
            };
            std::vector<office::RelayTask> tasks = co_await net::run_on(self->parts_.disk, std::move(take));
            if (tasks.empty()) co_return;
            for (office::RelayTask& task : tasks) {
                ++self->active_;
                asio::io_context& reactor = self->parts_.reactors.next();
                asio::co_spawn(reactor, deliver(std::make_unique<Turn>(self), reactor, std::move(task)),
                               asio::detached);
            }
        }
    }

    static asio::awaitable<void> deliver(std::unique_ptr<Turn> turn, asio::io_context& reactor,
                                         office::RelayTask task) {
        Dispatcher& self = *turn->self;
        RelayDelivery delivery(self.parts_, self.settings_, reactor,
                               [&self] { return self.stopping_.load(); });
        co_await delivery.run(std::move(task));
    }

    std::chrono::milliseconds pause() const {
        // The end of a delivery wakes us.
        if (active_ >= settings_.connections_max) return pause_max;
        const auto due = parts_.office.next_relay_due();
        if (!due) return pause_max;
        const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*due - parts_.clock());
        return std::clamp(wait, pause_min, pause_max);
    }

    Parts parts_;
    const QueueRunnerSettings settings_;
    asio::io_context& reactor_;
    asio::steady_timer* timer_ = nullptr;  // of dispatch(), on its thread only
    std::atomic<bool> woken_{false};
    std::atomic<bool> stopping_{false};
    std::atomic<std::size_t> active_{0};
};

QueueRunner::QueueRunner(Parts parts, QueueRunnerSettings settings)
    : dispatcher_(std::make_shared<Dispatcher>(std::move(parts), std::move(settings))) {}

QueueRunner::~QueueRunner() { stop(); }

void QueueRunner::start() { dispatcher_->start(); }

void QueueRunner::stop() { dispatcher_->stop(); }

std::size_t QueueRunner::active() const { return dispatcher_->active(); }

}  // namespace sims::serve
