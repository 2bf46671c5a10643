// For the tests of this module: a store on either file system, and messages to put into it.
#pragma once

#include <filesystem>
#include <memory>
#include <stdlib.h>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "mail/mbox.h"
#include "os/faulty_file_system.h"
#include "os/posix_file_system.h"
#include "store/mailbox_store.h"

namespace sims::store {

inline std::string render(std::string_view wire) {
    const TimePoint when{std::chrono::seconds(1'795'000'000)};
    return mail::mbox_render({}, when, "", wire);
}

inline std::string letter(int number, std::string_view body = "Hello.\r\n") {
    return "Subject: letter " + std::to_string(number) + "\r\n\r\n" + std::string(body);
}

// What RETR sends for letter(): the return path is in front.
inline std::string received(std::string_view wire) { return "Return-Path: <>\r\n" + std::string(wire); }

class StoreFixture {
public:
    explicit StoreFixture(os::FileSystem& files, std::string base) : files_(files), base_(std::move(base)) {}

    void open(Limits limits = {}) {
        store_.reset();
        auto opened = MailboxStore::open(files_, base_, limits, log_);
        ASSERT_TRUE(opened.has_value()) << opened.error().text;
        store_ = std::move(*opened);
    }
    MailboxStore& store() { return *store_; }
    void close() { store_.reset(); }
    std::string path(std::string_view name = "Accounts/joe") const { return base_ + "/" + std::string(name); }

    Result<> append(const std::vector<std::string>& wires, const MailboxPath& mailbox = {"Accounts/joe"}) {
        std::vector<std::string> rendered;
        for (const auto& wire : wires) rendered.push_back(render(wire));
        const std::vector<std::string_view> pieces(rendered.begin(), rendered.end());
        auto done = store_->append(mailbox, pieces);
        return done ? Result<>() : Result<>(done.error());
    }

    static Result<std::string> read(Maildrop& drop, std::size_t number, std::size_t chunk = 64 * 1024) {
        Maildrop::Reading reading;
        reading.number = number;
        std::string text;
        for (;;) {
            auto more = drop.read(reading, chunk, text);
            if (!more) return more.error();
            if (!*more) return text;
        }
    }

    std::vector<std::string> texts(const MailboxPath& mailbox = {"Accounts/joe"}) {
        auto drop = store_->open_maildrop(mailbox);
        if (!drop) return {"error: " + drop.error().text};
        std::vector<std::string> all;
        for (std::size_t i = 0; i < (*drop)->messages().size(); ++i) {
            auto text = read(**drop, i);
            all.push_back(text ? *text : "error: " + text.error().text);
            if (text) {
                EXPECT_EQ(text->size(), (*drop)->messages()[i].wire_size);
            }
        }
        return all;
    }

    std::vector<std::string> uids(const MailboxPath& mailbox = {"Accounts/joe"}) {
        auto drop = store_->open_maildrop(mailbox);
        if (!drop) return {"error: " + drop.error().text};
        std::vector<std::string> all;
        for (const auto& entry : (*drop)->messages()) all.push_back(entry.uid.text());
        return all;
    }

    Result<> remove(const std::vector<std::size_t>& numbers, const MailboxPath& mailbox = {"Accounts/joe"}) {
        auto drop = store_->open_maildrop(mailbox);
        if (!drop) return drop.error();
        return store_->remove_messages(std::move(*drop), numbers);
    }

    std::string raw(const std::string& path) {
        auto text = os::read_file(files_, path, 64 << 20);
        return text ? *text : "error: " + text.error().text;
    }
    std::string raw() { return raw(path()); }
    void write_raw(const std::string& path, std::string_view bytes) {
        auto file = files_.open(path, os::Open::create);
        ASSERT_TRUE(file.has_value());
        ASSERT_TRUE((*file)->truncate(0));
        ASSERT_TRUE((*file)->write_at(0, bytes));
    }
    void append_raw(std::string_view bytes) {
        auto file = files_.open(path(), os::Open::read_write);
        ASSERT_TRUE(file.has_value());
        ASSERT_TRUE((*file)->write_at((*file)->stat()->size, bytes));
    }
    void expect_sound(const MailboxPath& mailbox = {"Accounts/joe"}) {
        auto report = store_->verify(mailbox);
        ASSERT_TRUE(report.has_value()) << report.error().text;
        EXPECT_EQ(report->problems, std::vector<std::string>{});
    }

protected:
    os::FileSystem& files_;
    std::string base_;
    NullLog log_;
    std::unique_ptr<MailboxStore> store_;
};

// A file system made for one test: "posix" or "memory".
class AnyFiles {
public:
    explicit AnyFiles(std::string_view kind) {
        if (kind == "posix") {
            std::string pattern = testing::TempDir() + "/sims-store-XXXXXX";
            EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
            folder_ = std::filesystem::canonical(pattern).string();
            made_files_ = os::make_posix_file_system();
        } else {
            made_files_ = std::make_unique<os::FaultyFileSystem>();
        }
        made_base_ = folder_ + "/base";
        EXPECT_TRUE(made_files_->make_folder(made_base_));
    }
    ~AnyFiles() {
        if (!folder_.empty()) std::filesystem::remove_all(folder_);
    }
    AnyFiles(const AnyFiles&) = delete;
    AnyFiles& operator=(const AnyFiles&) = delete;
    os::FileSystem& files() { return *made_files_; }
    const std::string& base() const { return made_base_; }
    std::string outside(std::string_view name) const { return folder_ + "/" + std::string(name); }

private:
    std::string folder_;
    std::string made_base_;
    std::unique_ptr<os::FileSystem> made_files_;
};

class AnyStore : public testing::TestWithParam<const char*>, private AnyFiles, public StoreFixture {
protected:
    AnyStore() : AnyFiles(GetParam()), StoreFixture(AnyFiles::files(), AnyFiles::base()) { open(); }
    ~AnyStore() override { close(); }
    using AnyFiles::outside;
    bool is_real() const { return std::string_view(GetParam()) == "posix"; }
};

inline std::string name_of_param(const testing::TestParamInfo<const char*>& which) { return which.param; }

}  // namespace sims::store
