// The log as files, one a day (UTC), written by a thread of its own. Never blocks a caller: when the disk is
// too slow and the queue is full, lines are dropped and the number dropped is logged.
#pragma once

#include <memory>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "base/time.h"

namespace sims {

enum class LogFormat { text, json };

struct FileLogSettings {
    std::string folder;  // made if it is not there; holds YYYY-MM-DD.log
    LogFormat format = LogFormat::text;
    Clock clock;
    std::size_t queue_lines_max = 8192;
};

// Errors: the folder cannot be made or written.
Result<std::unique_ptr<Log>> open_file_log(FileLogSettings settings);

// "2026-11-22T21:26:11.042Z MAJOR SMTP(4F2A) text", without a line end. Levels and services in upper case.
std::string format_log_line(const LogLine& line, LogFormat format, TimePoint time);

}  // namespace sims
