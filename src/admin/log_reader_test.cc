#include "admin/log_reader.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/log_file.h"
#include "os/posix_file_system.h"

namespace sims::admin {
namespace {

TEST(LogLine, both_formats_read_back) {
    const LogLine line{LogLevel::low_level, Service::queue, "4F2A", "queue.x", "a (b) \"c\" text"};
    const auto time = *parse_rfc3339("2026-11-22T21:26:11.042Z");
    for (const auto format : {LogFormat::text, LogFormat::json}) {
        const auto record = parse_log_line(format_log_line(line, format, time));
        ASSERT_TRUE(record);
        EXPECT_EQ(record->time, "2026-11-22T21:26:11.042Z");
        EXPECT_EQ(record->level, LogLevel::low_level);
        EXPECT_EQ(record->service, Service::queue);
        EXPECT_EQ(record->id, "4F2A");
        EXPECT_EQ(record->text, "a (b) \"c\" text");
        EXPECT_EQ(log_text(*record), "2026-11-22T21:26:11.042Z LOW-LEVEL QUEUE(4F2A) a (b) \"c\" text");
    }
}

TEST(LogLine, anything_else_is_nothing) {
    for (const auto* bad :
         {"", "x", "2026-11-22T21:26:11Z", "2026-11-22T21:26:11Z MAJOR", "2026-11-22T21:26:11Z LOUD SMTP() x",
          "2026-11-22T21:26:11Z MAJOR SNMP() x", "{", "{}", "[1]"}) {
        EXPECT_FALSE(parse_log_line(bad)) << bad;
    }
}

class Logs : public testing::Test {
protected:
    Logs() {
        std::string pattern = testing::TempDir() + "/sims-logs-XXXXXX";
        folder_ = ::mkdtemp(pattern.data());
    }
    ~Logs() override { std::filesystem::remove_all(folder_); }
    void write(const std::string& day, const std::string& text) {
        std::ofstream(folder_ + "/" + day + ".log", std::ios::app | std::ios::binary) << text;
    }
    LogPage read(const LogQuestion& question) {
        auto page = read_log(*files_, folder_, *parse_rfc3339("2026-11-22T12:00:00Z"), question);
        EXPECT_TRUE(page) << page.error().text;
        return page ? *page : LogPage{};
    }
    std::vector<std::string> texts(const LogQuestion& question) {
        std::vector<std::string> out;
        for (const auto& line : read(question).lines) out.push_back(line.text);
        return out;
    }

    std::string folder_;
    std::unique_ptr<os::FileSystem> files_ = os::make_posix_file_system();
};

using Texts = std::vector<std::string>;

TEST_F(Logs, today_is_read_and_filtered) {
    write("2026-11-21", "2026-11-21T10:00:00.000Z MAJOR SMTP(A1) yesterday\n");
    write("2026-11-22",
          "2026-11-22T10:00:00.000Z MAJOR SMTP(A1) one\n"
          "no log line\n"
          "2026-11-22T10:00:01.000Z ALL POP(B2) two\n"
          "2026-11-22T10:00:02.000Z MAJOR SMTP(C3) half a li");
    EXPECT_EQ(texts({}), (Texts{"one", "two"}));
    EXPECT_EQ(texts({.level = LogLevel::major, .service = {}, .id = {}, .after = {}}), Texts{"one"});
    EXPECT_EQ(texts({.service = Service::pop, .id = {}, .after = {}}), Texts{"two"});
    // A message's story begins before today.
    EXPECT_EQ(texts({.service = {}, .id = "a1", .after = {}}), (Texts{"yesterday", "one"}));
}

TEST_F(Logs, reading_goes_on_where_it_ended_over_midnight) {
    write("2026-11-22",
          "2026-11-22T10:00:00.000Z MAJOR SMTP() one\n2026-11-22T10:00:02.000Z MAJOR SMTP() tw");
    auto page = read({});
    ASSERT_EQ(page.lines.size(), 1U);
    EXPECT_FALSE(page.more);
    write("2026-11-22", "o\n");
    write("2026-11-23", "2026-11-23T10:00:00.000Z MAJOR SMTP() three\n");
    LogQuestion next;
    next.after = page.next;
    EXPECT_EQ(texts(next), (Texts{"two", "three"}));
    next.after = read(next).next;
    EXPECT_EQ(texts(next), Texts{});
}

TEST_F(Logs, long_logs_come_in_pages) {
    std::string text;
    constexpr int lines = 30'000;
    for (int i = 0; i < lines; ++i) {
        text += fmt::format(
            "2026-11-22T10:00:00.000Z MAJOR SMTP({}) a line of ordinary length, as they are\n", i);
    }
    write("2026-11-22", text);
    LogQuestion question;
    std::size_t seen = 0;
    std::size_t pages = 0;
    for (bool more = true; more; ++pages) {
        ASSERT_LT(pages, 100U);
        const auto page = read(question);
        for (const auto& line : page.lines) ASSERT_EQ(line.id, std::to_string(seen++));
        question.after = page.next;
        more = page.more;
    }
    EXPECT_EQ(seen, static_cast<std::size_t>(lines));
    EXPECT_GT(pages, 1U);
}

TEST_F(Logs, a_place_that_is_none_is_refused) {
    for (const auto* bad : {"x", "2026-11-22", "2026-11-22:", "2026-11-22:x", "2026-99-22:1"}) {
        LogQuestion question;
        question.after = bad;
        EXPECT_FALSE(read_log(*files_, folder_, *parse_rfc3339("2026-11-22T12:00:00Z"), question)) << bad;
    }
}

}  // namespace
}  // namespace sims::admin
