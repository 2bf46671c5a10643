// Threads for what blocks (disk, hashing), and the way there and back for a coroutine.
#pragma once

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sims::net {

namespace asio = boost::asio;

// Runs `work` on the pool and resumes the coroutine on its own reactor with the result. Hoist the lambda into
// a named local before the co_await: g++ 12 frees captures of a temporary twice
// (docs/decisions/coroutine-traps.md).
//     auto work = [&] { return store.open_maildrop(path); };
//     auto drop = co_await net::run_on(pool, std::move(work));
template <class Work>
asio::awaitable<std::invoke_result_t<Work>> run_on(asio::thread_pool& pool, Work work) {
    using T = std::invoke_result_t<Work>;
    auto start = [&pool, &work](auto handler) {
        asio::post(pool, [&work, handler = std::move(handler)]() mutable {
            auto executor = asio::get_associated_executor(handler);
            // The value crosses threads by move; the coroutine (and `work` in its frame) waits.
            std::optional<T> value(work());
            asio::post(executor, [handler = std::move(handler), value = std::move(value)]() mutable {
                std::move(handler)(std::move(*value));
            });
        });
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(T)>(std::move(start),
                                                                                    asio::use_awaitable);
}

// Waits for a callback that another thread will call exactly once: start(done) hands it over.
//     auto start = [&](auto done) { spool.commit(..., std::move(done)); };
//     auto result = co_await net::wait_for<Result<>>(std::move(start));
template <class T, class Start>
asio::awaitable<T> wait_for(Start start) {
    auto begin = [&start](auto handler) {
        auto executor = asio::get_associated_executor(handler);
        // std::function wants copies; the handler has none. One shared owner: the callback.
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        start(std::function<void(T)>([executor, shared](T value) {
            asio::post(executor, [shared, value = std::move(value)]() mutable {
                std::move (*shared)(std::move(value));
            });
        }));
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(T)>(std::move(begin),
                                                                                    asio::use_awaitable);
}

}  // namespace sims::net
