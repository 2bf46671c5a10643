#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/log_file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/time.h"

namespace sims {
namespace {

using namespace std::chrono_literals;

TEST(Time, WritesAndReadsRfc3339) {
    const TimePoint time(1795728371042ms);
    EXPECT_EQ(rfc3339(time), "2026-11-26T21:26:11Z");
    EXPECT_EQ(rfc3339_milliseconds(time), "2026-11-26T21:26:11.042Z");
    EXPECT_EQ(parse_rfc3339("2026-11-26T21:26:11.042Z"), time);
    EXPECT_EQ(parse_rfc3339(rfc3339(time)), TimePoint(1795728371s));
    for (const auto* bad : {"", "2026-11-26", "2026-13-26T21:26:11Z", "2026-02-30T21:26:11Z",
                            "2026-11-26T24:26:11Z", "2026-11-26t21:26:11z", "2026-11-26T21:26:1xZ"}) {
        EXPECT_FALSE(parse_rfc3339(bad)) << bad;
    }
}

TEST(Time, DurationsReadBack) {
    EXPECT_EQ(parse_duration("90"), 90s);
    EXPECT_EQ(parse_duration("15m"), 900s);
    EXPECT_EQ(parse_duration("4h"), 14400s);
    EXPECT_EQ(parse_duration("5d"), 432000s);
    for (const auto* bad : {"", "m", "-5m", "5 m", "5w", "99999999999999999999", "1001d"}) {
        EXPECT_FALSE(parse_duration(bad)) << bad;
    }
    for (const auto seconds : {0s, 1s, 60s, 90s, 7200s, 86400s}) {
        EXPECT_EQ(parse_duration(format_duration(seconds)), seconds);
    }
}

TEST(Bytes, ReaderStopsForGoodAtTheEnd) {
    std::string bytes;
    put(bytes, std::uint16_t{0x1234});
    put_text(bytes, "abc");
    ByteReader reader(bytes);
    EXPECT_EQ(reader.take<std::uint16_t>(), 0x1234);
    EXPECT_EQ(reader.take_text(), "abc");
    EXPECT_TRUE(reader.at_end());
    EXPECT_FALSE(reader.take<std::uint8_t>());
    EXPECT_TRUE(reader.failed());
    EXPECT_FALSE(reader.at_end());

    ByteReader lying(std::string_view("\xff\xff\xff\xff", 4));  // a text of 4 GiB in four bytes
    EXPECT_FALSE(lying.take_text());
}

TEST(Text, CaseTrimSplitPrintable) {
    EXPECT_TRUE(equal_ignoring_case("PostMaster", "postmaster"));
    EXPECT_FALSE(equal_ignoring_case("a", "ab"));
    EXPECT_EQ(trim(" \ta b\t "), "a b");
    EXPECT_EQ(trim("   "), "");
    EXPECT_EQ(split("a,,b", ',').size(), 3U);
    EXPECT_EQ(printable("a\r\nb"), "a\\x0d\\x0ab");
    EXPECT_EQ(printable("abcdef", 3), "abc...");
    EXPECT_EQ(HashIgnoringCase{}("ABC"), HashIgnoringCase{}("abc"));
}

TEST(Log, LineFormats) {
    const LogLine line{LogLevel::low_level, Service::smtp, "4F2A", "smtp.line", "a\n\"b\""};
    EXPECT_EQ(format_log_line(line, LogFormat::text, TimePoint(0s)),
              "1970-01-01T00:00:00.000Z LOW-LEVEL SMTP(4F2A) a\\x0a\"b\"");
    EXPECT_EQ(format_log_line(line, LogFormat::json, TimePoint(0s)),
              R"({"time":"1970-01-01T00:00:00.000Z","level":"low-level","service":"smtp","id":"4F2A",)"
              R"("event":"smtp.line","text":"a\u000a\"b\""})");
}

TEST(Log, WritesAFileADayAndDropsNothingAtTheEnd) {
    // One of its own: several builds' tests may run at once.
    std::string folder = testing::TempDir() + "/sims-log-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    TimePoint now(1795728371042ms);
    {
        auto log = open_file_log({.folder = folder, .clock = [&now] { return now; }});
        ASSERT_TRUE(log) << log.error().text;
        for (int i = 0; i < 1000; ++i) {
            (*log)->line(LogLevel::major, Service::queue, "ID", "queue.delivered", "number {}", i);
        }
        (*log)->line(LogLevel::low_level, Service::queue, "ID", "queue.detail", "not wanted");
        now += 24h;
        (*log)->line(LogLevel::major, Service::queue, "ID", "queue.delivered", "tomorrow");
    }
    std::ifstream today(folder + "/2026-11-26.log");
    std::string line;
    int lines = 0;
    while (std::getline(today, line)) {
        EXPECT_EQ(line, "2026-11-26T21:26:11.042Z MAJOR QUEUE(ID) number " + std::to_string(lines++));
    }
    EXPECT_EQ(lines, 1000);
    std::ifstream tomorrow(folder + "/2026-11-27.log");
    ASSERT_TRUE(std::getline(tomorrow, line));
    EXPECT_EQ(line, "2026-11-27T21:26:11.042Z MAJOR QUEUE(ID) tomorrow");
    std::filesystem::remove_all(folder);
}

TEST(Result, SystemErrorsSayWhatAndWhere) {
    const auto error = system_error(ENOSPC, "write", "/x");
    EXPECT_EQ(error.fault, Fault::no_space);
    EXPECT_EQ(error.text, "write /x: No space left on device");
    EXPECT_TRUE(is_temporary(error.fault));
}

}  // namespace
}  // namespace sims
