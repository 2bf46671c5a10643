#include "base/log_file.h"

#include <filesystem>
#include <mutex>

#include <spdlog/async.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include "base/text.h"

namespace sims {

namespace {

std::string upper(std::string_view text) {
    std::string out(text);
    for (auto& c : out) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return out;
}

void append_json_text(std::string& out, std::string_view text) {
    out.push_back('"');
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (byte < 0x20 || byte >= 0x7f) {
            // Bytes outside ASCII may not be UTF-8: as Latin-1 code points the line is JSON whatever came in.
            out += fmt::format("\\u{:04x}", byte);
        } else {
            out.push_back(c);
        }
    }
    out.push_back('"');
}

// Lines arrive formatted, with their day in front of them.
class DailySink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    // `pool` is the writer thread's, which outlives the sink's last line.
    DailySink(std::string folder, spdlog::details::thread_pool& pool)
        : folder_(std::move(folder)), pool_(pool) {}
    ~DailySink() override { close(); }

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        const std::string_view line(message.payload.data(), message.payload.size());
        // The day is the first ten bytes: open_file_log's write() puts it there.
        const auto day = line.substr(0, 10);
        if (file_ == nullptr || day != day_) {
            close();
            day_ = day;
            const auto path = folder_ + "/" + day_ + ".log";
            file_ = std::fopen(path.c_str(), "ae");
        }
        if (file_ == nullptr) return;  // nowhere to say so; tried again at the next line
        const auto body = line.substr(10);
        std::fwrite(body.data(), 1, body.size(), file_);
        std::fputc('\n', file_);
        // When nothing more waits: people see lines at once, and under load one write serves many.
        if (pool_.queue_size() == 0) std::fflush(file_);
    }
    void flush_() override {
        if (file_ != nullptr) std::fflush(file_);
    }

private:
    void close() {
        if (file_ != nullptr) std::fclose(file_);
        file_ = nullptr;
    }
    std::string folder_;
    spdlog::details::thread_pool& pool_;
    std::string day_;
    std::FILE* file_ = nullptr;
};

class FileLog final : public Log {
public:
    explicit FileLog(FileLogSettings settings) : settings_(std::move(settings)) {
        pool_ = std::make_shared<spdlog::details::thread_pool>(settings_.queue_lines_max, 1);
        logger_ = std::make_shared<spdlog::async_logger>(
            "sims", std::make_shared<DailySink>(settings_.folder, *pool_), pool_,
            spdlog::async_overflow_policy::overrun_oldest);
        logger_->set_level(spdlog::level::trace);
    }
    ~FileLog() override { logger_->flush(); }

protected:
    void write(const LogLine& line) override {
        const auto now = settings_.clock();
        std::string text = rfc3339(now).substr(0, 10) + format_log_line(line, settings_.format, now);
        logger_->log(spdlog::level::info, spdlog::string_view_t(text.data(), text.size()));
        const auto dropped = pool_->overrun_counter();
        const auto told = dropped_told_.load(std::memory_order_relaxed);
        if (dropped > told && dropped_told_.exchange(dropped) == told) {
            logger_->log(spdlog::level::info,
                         "{}{} PROBLEMS SERVER() {} log lines were dropped: the disk is too slow",
                         rfc3339(now).substr(0, 10), rfc3339_milliseconds(now), dropped - told);
        }
    }

private:
    FileLogSettings settings_;
    // The logger holds the pool weakly; both live as long as this.
    std::shared_ptr<spdlog::details::thread_pool> pool_;
    std::shared_ptr<spdlog::async_logger> logger_;
    std::atomic<std::size_t> dropped_told_{0};
};

}  // namespace

std::string format_log_line(const LogLine& line, LogFormat format, TimePoint time) {
    switch (format) {
        case LogFormat::text:
            return fmt::format("{} {} {}({}) {}", rfc3339_milliseconds(time), upper(name_of(line.level)),
                               upper(name_of(line.service)), line.id, printable(line.text, 4096));
        case LogFormat::json: {
            std::string out =
                fmt::format(R"({{"time":"{}","level":"{}","service":"{}","id":)", rfc3339_milliseconds(time),
                            name_of(line.level), name_of(line.service));
            append_json_text(out, line.id);
            out += ",\"event\":";
            append_json_text(out, line.event);
            out += ",\"text\":";
            append_json_text(out, line.text.substr(0, 4096));
            out.push_back('}');
            return out;
        }
    }
    return {};
}

Result<std::unique_ptr<Log>> open_file_log(FileLogSettings settings) {
    std::error_code error;
    std::filesystem::create_directories(settings.folder, error);
    if (error) return system_error(error.value(), "make folder", settings.folder);
    return std::unique_ptr<Log>(std::make_unique<FileLog>(std::move(settings)));
}

}  // namespace sims
