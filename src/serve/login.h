// The login with a password, the same for every service: judged on a thread that may hash, counted when it
// fails, and answered after a pause that is the same for a wrong password and for a name nobody has.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include "base/time.h"
#include "directory/directory.h"
#include "guard/login_throttle.h"

namespace sims::serve {

namespace asio = boost::asio;

// What a login needs; outlives every session.
struct LoginDesk {
    directory::Directory& directory;
    asio::thread_pool& hashing;  // small: its size bounds how many passwords are hashed at a time
    guard::LoginThrottle& throttle;
    Clock clock;
};

struct LoginAttempt {
    std::string login;
    std::string password;
    std::string peer;  // address
};

enum class LoginVerdict {
    right,
    wrong,  // also: no such account
    login_disabled,
    throttled,  // not looked at: too many failures
    unavailable
};
std::string_view words_of(LoginVerdict verdict);  // for the log

struct JudgedLogin {
    LoginVerdict verdict;
    std::chrono::seconds extra_pause{};  // beyond the service's own, before the answer
};

asio::awaitable<JudgedLogin> judge_login(const LoginDesk& desk, LoginAttempt attempt);

asio::awaitable<void> pause_for(std::chrono::seconds time);

}  // namespace sims::serve
