#include "base/log_file.h"

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

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

// Under load a wake-up of the writer and a write to the disk serve all the lines of this time; to a person it
// is at once.
constexpr std::chrono::milliseconds gathering{10};

// The writer's side: the file of the day, opened again when the day changes.
class DailyFile {
public:
    explicit DailyFile(std::string folder) : folder_(std::move(folder)) {}
    ~DailyFile() { close(); }
    DailyFile(const DailyFile&) = delete;
    DailyFile& operator=(const DailyFile&) = delete;

    void write(std::chrono::sys_days day, std::string_view lines) {
        if (file_ == nullptr || day != day_) {
            close();
            day_ = day;
            const auto path = folder_ + "/" + rfc3339(TimePoint(day)).substr(0, 10) + ".log";
            file_ = std::fopen(path.c_str(), "ae");
            if (file_ == nullptr) return;  // nowhere to say so; tried again at the next line
            std::setvbuf(file_, nullptr, _IONBF, 0);
        }
        std::fwrite(lines.data(), 1, lines.size(), file_);
    }

private:
    void close() {
        if (file_ != nullptr) std::fclose(file_);
        file_ = nullptr;
    }
    std::string folder_;
    std::chrono::sys_days day_{};
    std::FILE* file_ = nullptr;
};

class FileLog final : public Log {
public:
    explicit FileLog(FileLogSettings settings) : settings_(std::move(settings)), file_(settings_.folder) {
        writer_ = std::thread([this] { run(); });
    }
    ~FileLog() override {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wakes_.notify_one();
        writer_.join();
    }

protected:
    void write(const LogLine& line) override {
        const auto now = settings_.clock();
        const auto text = format_log_line(line, settings_.format, now);
        const auto day = std::chrono::floor<std::chrono::days>(now);
        bool wake = false;
        {
            const std::lock_guard lock(mutex_);
            if (lines_ >= settings_.queue_lines_max) {
                ++dropped_;
                return;
            }
            if (waiting_.empty() || waiting_.back().day != day) waiting_.push_back({day, {}});
            waiting_.back().lines += text;
            waiting_.back().lines += '\n';
            ++lines_;
            wake = lines_ == 1 || is_crowded();
        }
        if (wake) wakes_.notify_one();
    }

private:
    struct Day {
        std::chrono::sys_days day;
        std::string lines;
    };

    bool is_crowded() const { return lines_ == settings_.queue_lines_max / 2; }

    void run() {
        std::unique_lock lock(mutex_);
        for (;;) {
            wakes_.wait(lock, [this] { return stopping_ || lines_ > 0; });
            if (lines_ == 0) return;
            wakes_.wait_for(lock, gathering,
                            [this] { return stopping_ || lines_ >= settings_.queue_lines_max / 2; });
            const auto days = std::exchange(waiting_, {});
            const auto dropped = std::exchange(dropped_, 0);
            lines_ = 0;
            lock.unlock();
            for (const auto& [day, lines] : days) file_.write(day, lines);
            if (dropped > 0) tell_dropped(dropped);
            lock.lock();
        }
    }

    void tell_dropped(std::size_t count) {
        const auto now = settings_.clock();
        const auto text = fmt::format("{} log lines were dropped: the disk is too slow", count);
        const LogLine line{LogLevel::problems, Service::server, "", "server.log_dropped", text};
        file_.write(std::chrono::floor<std::chrono::days>(now),
                    format_log_line(line, settings_.format, now) + '\n');
    }

    FileLogSettings settings_;
    DailyFile file_;  // the writer's
    std::mutex mutex_;
    std::condition_variable wakes_;
    std::vector<Day> waiting_;
    std::size_t lines_ = 0;  // in waiting_
    std::size_t dropped_ = 0;
    bool stopping_ = false;
    std::thread writer_;
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
