#include "guard/login_throttle.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace sims::guard {
namespace {

using std::chrono::seconds;

constexpr LoginThrottleLimits limits{};

TimePoint at(std::int64_t second) { return TimePoint(seconds(1'000'000 + second)); }

TEST(LoginThrottle, a_few_typing_errors_cost_nothing_then_each_waits_longer) {
    LoginThrottle throttle;
    for (std::size_t i = 0; i < limits.free_failures; ++i) EXPECT_EQ(throttle.failed("a", at(0)), seconds(0));
    EXPECT_EQ(throttle.failed("a", at(0)), seconds(1));
    EXPECT_EQ(throttle.failed("a", at(0)), seconds(2));
    EXPECT_FALSE(throttle.refuses("a", at(0)));
    EXPECT_EQ(throttle.failed("b", at(0)), seconds(0)) << "others do not pay for it";
}

TEST(LoginThrottle, a_full_bucket_refuses_until_it_has_leaked) {
    LoginThrottle throttle;
    for (std::size_t i = 0; i < 3 * limits.failures_max; ++i) throttle.failed("a", at(0));
    EXPECT_TRUE(throttle.refuses("a", at(0)));
    EXPECT_FALSE(throttle.refuses("b", at(0)));
    EXPECT_TRUE(throttle.refuses("a", at(limits.leaks_in.count() - 1)));
    EXPECT_FALSE(throttle.refuses("a", at(limits.leaks_in.count())));
    throttle.failed("a", at(limits.leaks_in.count()));
    EXPECT_TRUE(throttle.refuses("a", at(limits.leaks_in.count())));
    EXPECT_EQ(throttle.failed("a", at(1'000'000)), seconds(0));
}

TEST(LoginThrottle, an_outdated_password_that_polls_is_never_refused) {
    LoginThrottle throttle;
    for (std::int64_t minute = 0; minute < 10'000; ++minute) {
        EXPECT_EQ(throttle.failed("a", at(60 * minute)), seconds(0));
        EXPECT_FALSE(throttle.refuses("a", at(60 * minute)));
    }
}

TEST(LoginThrottle, a_clock_set_back_frees_nobody_and_breaks_nothing) {
    LoginThrottle throttle;
    for (std::size_t i = 0; i < limits.failures_max; ++i) throttle.failed("a", at(1000));
    EXPECT_TRUE(throttle.refuses("a", at(-1'000'000)));
    EXPECT_TRUE(throttle.refuses("a", at(1000)));
    EXPECT_FALSE(throttle.refuses("a", at(2000)));
}

TEST(LoginThrottle, remembers_a_bounded_number_of_guests_and_the_latest) {
    LoginThrottle throttle({1, 2, seconds(30), 100});
    for (int i = 0; i < 1000; ++i) {
        throttle.failed(std::to_string(i), at(0));
        throttle.failed("persistent", at(0));
    }
    EXPECT_EQ(throttle.guests(), 100U);
    EXPECT_TRUE(throttle.refuses("persistent", at(0)));
    EXPECT_FALSE(throttle.refuses("0", at(0)));
}

TEST(LoginThrottle, whatever_comes_a_guest_gets_no_more_guesses_than_fit_and_leak) {
    EXPECT_TRUE(rc::check("guesses are bounded", [](const std::vector<std::uint8_t>& steps) {
        LoginThrottle throttle;
        std::int64_t now = 0;
        std::int64_t guesses = 0;
        for (const auto step : steps) {
            now += step % 7;
            if (throttle.refuses("a", at(now))) continue;
            ++guesses;
            RC_ASSERT(throttle.failed("a", at(now)) <= seconds(limits.failures_max));
        }
        RC_ASSERT(guesses <= std::int64_t(limits.failures_max) + now / limits.leaks_in.count());
    }));
}

TEST(LoginThrottle, a_guest_is_an_address_or_on_loopback_a_name_too) {
    EXPECT_EQ(guest_of("192.0.2.1", "joe"), guest_of("192.0.2.1", "ann"));
    EXPECT_NE(guest_of("192.0.2.1", "joe"), guest_of("192.0.2.2", "joe"));
    EXPECT_EQ(guest_of("2001:db8::1", "joe"), guest_of("2001:db8::ffff:2", "ann"));
    EXPECT_NE(guest_of("2001:db8::1", "joe"), guest_of("2001:db8:0:1::1", "joe"));
    for (const std::string address : {"127.0.0.1", "127.9.9.9", "::1", ""}) {
        EXPECT_NE(guest_of(address, "joe"), guest_of(address, "ann")) << address;
        EXPECT_EQ(guest_of(address, "joe"), guest_of(address, "JOE@example.org")) << address;
    }
    EXPECT_LT(guest_of("127.0.0.1", std::string(5000, 'x')).size(), 200U);
}

}  // namespace
}  // namespace sims::guard
