// Reads the server log back: the files FileLog (base/log_file.h) writes, in either of its formats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/problem.h"
#include "base/log.h"
#include "base/time.h"
#include "os/file_system.h"

namespace sims::admin {

struct LogRecord {
    std::string time;  // as written
    LogLevel level = LogLevel::all;
    Service service = Service::server;
    std::string id;
    std::string text;
};

struct LogQuestion {
    LogLevel level = LogLevel::low_level;  // this and everything graver
    std::optional<Service> service;
    std::string id;     // of a session or a message; empty: all. Then all days are looked through
    std::string after;  // LogPage::next of the page before; empty: from the beginning of today
};

struct LogPage {
    std::vector<LogRecord> lines;
    std::string next;   // "2026-11-22:18231": where to go on, now or when more was written
    bool more = false;  // there is more to read at once
};

struct LogReaderLimits {
    static constexpr std::size_t page_bytes = 1 << 20;       // of a log file, read for one page
    static constexpr std::size_t line_bytes_max = 64 << 10;  // longer ones are cut into several
};

// One line of a log file, text or JSON, without its line end; nothing for anything else. Total.
std::optional<LogRecord> parse_log_line(std::string_view line);
// "2026-11-22T21:26:11.042Z MAJOR SMTP(4F2A) text"
std::string log_text(const LogRecord& record);

Outcome<LogPage> read_log(os::FileSystem& files, const std::string& folder, TimePoint now,
                          const LogQuestion& question);

}  // namespace sims::admin
