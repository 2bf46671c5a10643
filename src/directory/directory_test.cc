#include "directory/directory.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <sys/stat.h>
#include <thread>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "directory/database.h"

namespace sims::directory {
namespace {

namespace fs = std::filesystem;

class DirectoryTest : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "sims-directory-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        base_ = pattern;
        open();
    }
    void TearDown() override {
        directory_.reset();
        fs::remove_all(base_);
    }
    void open() {
        directory_.reset();
        auto opened = Directory::open(
            folder(), "Example.ORG", [] { return TimePoint(Duration(1)); }, log_);
        ASSERT_TRUE(opened) << opened.error().text;
        directory_ = std::move(*opened);
    }
    std::string folder() const { return base_ + "/Directory"; }

    std::string base_;
    NullLog log_;
    std::unique_ptr<Directory> directory_;
};

AccountName name(std::string text) { return {std::move(text), ""}; }

TEST_F(DirectoryTest, FilesAreTheServersOwn) {
    struct stat status {};
    ASSERT_EQ(::stat(folder().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700U);
    ASSERT_EQ(::stat((folder() + "/directory.db").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    ASSERT_EQ(::stat((folder() + "/directory.db-wal").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(DirectoryTest, AccountsSurviveReopening) {
    AccountChange change;
    change.full_name = "Joe Doe";
    change.size_limit_kbytes = 1024;
    change.administrator = true;
    change.notify_mode = NotifyMode::fixed;
    change.notify_address = "192.0.2.1";
    ASSERT_TRUE(directory_->add(name("Joe"), change));
    directory_->note_login(name("joe"), {TimePoint(Duration(5'000'000)), "192.0.2.9", "pop"});
    open();
    const auto joe = directory_->find(name("JOE"));
    ASSERT_TRUE(joe);
    EXPECT_EQ(joe->name.name, "Joe");
    EXPECT_EQ(joe->full_name, "Joe Doe");
    EXPECT_EQ(joe->size_limit_kbytes, 1024);
    EXPECT_TRUE(joe->administrator);
    EXPECT_TRUE(joe->enabled);
    EXPECT_EQ(joe->notify_mode, NotifyMode::fixed);
    EXPECT_EQ(joe->notify_address, "192.0.2.1");
    EXPECT_EQ(joe->mailbox(), "Accounts/Joe");
    ASSERT_TRUE(joe->last_login);
    EXPECT_EQ(joe->last_login->time, TimePoint(Duration(5'000'000)));
    EXPECT_EQ(joe->last_login->address, "192.0.2.9");
    EXPECT_EQ(joe->last_login->service, "pop");
}

TEST_F(DirectoryTest, NamesAreUniqueWhateverTheirCase) {
    ASSERT_TRUE(directory_->add(name("joe"), {}));
    EXPECT_EQ(directory_->add(name("JOE"), {}).error().fault, Fault::exists);
    EXPECT_EQ(directory_->add(name("../joe"), {}).error().fault, Fault::invalid);
    EXPECT_EQ(directory_->add({"joe", "elsewhere.example"}, {}).error().fault, Fault::not_found);
    ASSERT_TRUE(directory_->add(name("ann"), {}));
    EXPECT_EQ(directory_->rename(name("ann"), name("Joe")).error().fault, Fault::exists);
    EXPECT_TRUE(directory_->rename(name("ann"), name("Ann")));  // its own name in another case
    EXPECT_EQ(directory_->find(name("ann"))->name.name, "Ann");
    EXPECT_EQ(directory_->rename(name("bob"), name("bill")).error().fault, Fault::not_found);
    EXPECT_EQ(directory_->remove(name("bob")).error().fault, Fault::not_found);
    EXPECT_EQ(directory_->change(name("bob"), {}).error().fault, Fault::not_found);
}

TEST_F(DirectoryTest, DomainsAreComparedAsALabels) {
    EXPECT_EQ(directory_->main_domain(), "example.org");
    EXPECT_TRUE(directory_->is_own_domain("EXAMPLE.org"));
    EXPECT_TRUE(directory_->is_own_domain("example.org."));
    EXPECT_FALSE(directory_->is_own_domain(""));
    EXPECT_FALSE(directory_->is_own_domain("example.net"));
    ASSERT_TRUE(
        directory_->add_domain("B\xc3\xbc"
                               "cher.example"));
    EXPECT_TRUE(directory_->is_own_domain("xn--bcher-kva.example"));
    EXPECT_TRUE(
        directory_->is_own_domain("b\xc3\xbc"
                                  "cher.example"));
    EXPECT_EQ(directory_->add_domain("XN--bcher-kva.example").error().fault, Fault::exists);
    EXPECT_EQ(directory_->add_domain("example.org").error().fault, Fault::exists);
    EXPECT_EQ(directory_->add_domain("not a domain").error().fault, Fault::invalid);

    ASSERT_TRUE(directory_->add({"joe",
                                 "b\xc3\xbc"
                                 "cher.example"},
                                {}));
    open();
    EXPECT_EQ(directory_->domains(), (std::vector<std::string>{"example.org", "xn--bcher-kva.example"}));
    const auto joe = directory_->find_login("Joe@xn--BCHER-kva.example");
    ASSERT_TRUE(joe);
    EXPECT_EQ(joe->mailbox(), "Domains/xn--bcher-kva.example/Accounts/joe");
    EXPECT_FALSE(directory_->find_login("joe"));
    EXPECT_FALSE(directory_->find_login("joe@example.org"));

    EXPECT_EQ(directory_->remove_domain("xn--bcher-kva.example").error().fault, Fault::refused);
    EXPECT_EQ(directory_->remove_domain("example.org").error().fault, Fault::refused);
    EXPECT_EQ(directory_->remove_domain("example.net").error().fault, Fault::not_found);
    ASSERT_TRUE(directory_->remove(joe->name));
    ASSERT_TRUE(directory_->remove_domain("xn--bcher-kva.example"));
    EXPECT_FALSE(directory_->is_own_domain("xn--bcher-kva.example"));
}

TEST_F(DirectoryTest, LoginsWithAndWithoutDomain) {
    ASSERT_TRUE(directory_->add(name("joe"), {}));
    for (const std::string_view login : {"joe", "JOE", "joe@example.org", "Joe@EXAMPLE.org"}) {
        EXPECT_TRUE(directory_->find_login(login)) << login;
    }
    for (const std::string_view login : {"", "@", "@example.org", "joe@joe@example.net", "jo"}) {
        EXPECT_FALSE(directory_->find_login(login)) << login;
    }
}

TEST_F(DirectoryTest, PasswordsAreVerifiedRememberedAndForgotten) {
    ASSERT_TRUE(directory_->add(name("joe"), {}));
    EXPECT_EQ(directory_->verify_password("joe", "secret"), PasswordVerdict::wrong);  // there is none
    ASSERT_TRUE(directory_->set_password(name("joe"), "secret"));
    EXPECT_FALSE(directory_->remembers("joe", "secret"));
    EXPECT_EQ(directory_->verify_password("joe", "wrong"), PasswordVerdict::wrong);
    EXPECT_EQ(directory_->verify_password("joe@example.org", "secret"), PasswordVerdict::right);
    EXPECT_TRUE(directory_->remembers("JOE", "secret"));
    EXPECT_FALSE(directory_->remembers("joe", "wrong"));
    EXPECT_EQ(directory_->verify_password("ghost", "secret"), PasswordVerdict::no_such_account);

    ASSERT_TRUE(directory_->set_password(name("joe"), "other"));
    EXPECT_FALSE(directory_->remembers("joe", "secret"));
    EXPECT_EQ(directory_->verify_password("joe", "secret"), PasswordVerdict::wrong);
    EXPECT_EQ(directory_->verify_password("joe", "other"), PasswordVerdict::right);

    open();
    EXPECT_EQ(directory_->verify_password("joe", "other"), PasswordVerdict::right);
    EXPECT_EQ(directory_->set_password(name("joe"), "").error().fault, Fault::invalid);
    EXPECT_EQ(directory_->set_password(name("ghost"), "x").error().fault, Fault::not_found);
}

TEST_F(DirectoryTest, DisabledRemovedAndRenamedAccounts) {
    ASSERT_TRUE(directory_->add(name("joe"), {}));
    ASSERT_TRUE(directory_->set_password(name("joe"), "secret"));
    ASSERT_EQ(directory_->verify_password("joe", "secret"), PasswordVerdict::right);
    ASSERT_TRUE(directory_->rename(name("joe"), name("jim")));
    EXPECT_TRUE(directory_->remembers("jim", "secret"));
    EXPECT_EQ(directory_->verify_password("joe", "secret"), PasswordVerdict::no_such_account);

    AccountChange off;
    off.login_enabled = false;
    ASSERT_TRUE(directory_->change(name("jim"), off));
    EXPECT_FALSE(directory_->remembers("jim", "secret"));
    EXPECT_EQ(directory_->verify_password("jim", "secret"), PasswordVerdict::login_disabled);
    EXPECT_EQ(directory_->verify_password("jim", "wrong"),
              PasswordVerdict::wrong);  // says nothing to a guesser

    ASSERT_TRUE(directory_->remove(name("jim")));
    ASSERT_TRUE(directory_->add(name("jim"), {}));  // another person
    EXPECT_FALSE(directory_->remembers("jim", "secret"));
    EXPECT_EQ(directory_->verify_password("jim", "secret"), PasswordVerdict::wrong);
}

TEST_F(DirectoryTest, MirrorsHaveNoLogin) {
    ASSERT_TRUE(directory_->add(name("L-staff"), {}));
    EXPECT_EQ(directory_->set_password(name("L-staff"), "secret").error().fault, Fault::refused);
    EXPECT_EQ(directory_->verify_password("L-staff", "secret"), PasswordVerdict::no_such_account);
}

TEST_F(DirectoryTest, ImportedHashesAreReplacedAtTheFirstLogin) {
    const std::string sha512 =
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
        "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";
    ASSERT_TRUE(directory_->add(name("joe"), {}));
    EXPECT_EQ(directory_->set_password_hash(name("joe"), "plain").error().fault, Fault::invalid);
    ASSERT_TRUE(directory_->set_password_hash(name("joe"), sha512));
    EXPECT_EQ(directory_->verify_password("joe", "Hello world!"), PasswordVerdict::right);
    EXPECT_TRUE(directory_->remembers("joe", "Hello world!"));
    directory_.reset();

    auto database = Database::open(folder() + "/directory.db");
    ASSERT_TRUE(database);
    std::string kept;
    ASSERT_TRUE((*database)->each("SELECT data FROM credentials WHERE kind = 'password'",
                                  [&](const Row& row) { kept = row.text(0); }));
    EXPECT_TRUE(kept.starts_with("$argon2id$")) << kept;
    open();
    EXPECT_EQ(directory_->verify_password("joe", "Hello world!"), PasswordVerdict::right);
}

TEST_F(DirectoryTest, SettingsAreAllOrNothing) {
    ASSERT_TRUE(directory_->set_settings(
        "smtp", {{"message_size", "1M"}, {"client_hosts", "10.0.0.0/8, 192.0.2.1"}}));
    const auto before = directory_->settings();
    EXPECT_EQ(directory_->set_settings("smtp", {{"recipients", "50"}, {"warn_after", "later"}}).error().fault,
              Fault::invalid);
    EXPECT_EQ(directory_->set_settings("smtp", {{"colour", "red"}}).error().fault, Fault::not_found);
    EXPECT_EQ(directory_->settings(), before);
    open();
    EXPECT_EQ(directory_->settings()->number("smtp", "message_size"), 1048576);
    EXPECT_EQ(directory_->settings()->list("smtp", "client_hosts").size(), 2U);
    EXPECT_EQ(directory_->settings()->number("smtp", "recipients"), 1000);
}

TEST_F(DirectoryTest, LogLevelsHoldAtOnceAndAfterReopening) {
    ASSERT_TRUE(directory_->set_settings("smtp", {{"log_level", "low-level"}}));
    EXPECT_TRUE(log_.wants(LogLevel::low_level, Service::smtp));
    EXPECT_TRUE(log_.wants(LogLevel::low_level, Service::queue));
    EXPECT_FALSE(log_.wants(LogLevel::low_level, Service::pop));
    log_.set_level(Service::smtp, LogLevel::crashes);
    open();
    EXPECT_TRUE(log_.wants(LogLevel::low_level, Service::smtp));
}

TEST_F(DirectoryTest, RouterTableKeepsItsBytes) {
    EXPECT_EQ(directory_->router_table(), "");
    ASSERT_TRUE(directory_->set_router_table("; comment\n  <joe> =  ann\n"));
    open();
    EXPECT_EQ(directory_->router_table(), "; comment\n  <joe> =  ann\n");
}

TEST_F(DirectoryTest, ADatabaseOfANewerProgramIsLeftAlone) {
    directory_.reset();
    {
        auto database = Database::open(folder() + "/directory.db");
        ASSERT_TRUE(database);
        ASSERT_TRUE((*database)->script("PRAGMA user_version=99"));
    }
    auto opened = Directory::open(
        folder(), "example.org", [] { return TimePoint(); }, log_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().fault, Fault::refused);
}

TEST_F(DirectoryTest, AFileThatIsNoDatabaseIsCorrupt) {
    directory_.reset();
    fs::remove_all(folder());
    fs::create_directories(folder());
    std::ofstream(folder() + "/directory.db") << std::string(8192, 'x');
    auto opened = Directory::open(
        folder(), "example.org", [] { return TimePoint(); }, log_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().fault, Fault::corrupt);
}

TEST_F(DirectoryTest, ReadersAndWritersTogether) {
    ASSERT_TRUE(directory_->add(name("joe"), {}));
    std::atomic<bool> done{false};
    std::atomic<int> odd{0};
    std::thread reader([&] {
        while (!done) {
            const auto account = directory_->find_login("joe");
            if (account && account->full_name.size() % 10 != 0) ++odd;
            static_cast<void>(directory_->settings()->number("smtp", "recipients"));
        }
    });
    for (std::size_t i = 0; i < 30; ++i) {
        AccountChange change;
        change.full_name = std::string(10 * (i % 5), 'x');
        EXPECT_TRUE(directory_->change(name("joe"), change));
        directory_->note_login(name("joe"), {TimePoint(Duration(i)), "::1", "pop"});
        EXPECT_TRUE(directory_->set_settings("smtp", {{"recipients", std::to_string(i + 1)}}));
    }
    done = true;
    reader.join();
    EXPECT_EQ(odd, 0);
}

TEST_F(DirectoryTest, ScramKeysBelongToThePassword) {
    ASSERT_TRUE(directory_->add(name("joe"), {}));
    EXPECT_FALSE(directory_->scram_keys("joe"));
    ASSERT_TRUE(directory_->set_password(name("joe"), "first secret"));
    const auto first = directory_->scram_keys("JOE@example.org");
    ASSERT_TRUE(first);
    EXPECT_EQ(first->salt.size(), 16U);
    const auto same = sasl::make_scram_keys("first secret", first->salt, first->iterations);
    ASSERT_TRUE(same);
    EXPECT_EQ(first->stored_key, same->stored_key);
    EXPECT_EQ(first->server_key, same->server_key);

    open();
    const auto read = directory_->scram_keys("joe");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->salt, first->salt);
    EXPECT_EQ(read->stored_key, first->stored_key);
    EXPECT_EQ(read->server_key, first->server_key);

    ASSERT_TRUE(directory_->set_password(name("joe"), "second secret"));
    EXPECT_NE(directory_->scram_keys("joe")->salt, first->salt);
    AccountChange change;
    change.login_enabled = false;
    ASSERT_TRUE(directory_->change(name("joe"), change));
    EXPECT_FALSE(directory_->scram_keys("joe"));
}

TEST_F(DirectoryTest, AnImportedHashGetsScramKeysAtTheNextLogin) {
    // openssl passwd -5 -salt saltstring 'Hello world!'
    constexpr std::string_view sha256 = "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5";
    ASSERT_TRUE(directory_->add(name("joe"), {}));
    ASSERT_TRUE(directory_->set_password(name("joe"), "an older one"));
    ASSERT_TRUE(directory_->set_password_hash(name("joe"), sha256));
    EXPECT_FALSE(directory_->scram_keys("joe"));
    open();
    EXPECT_FALSE(directory_->scram_keys("joe"));
    EXPECT_EQ(directory_->verify_password("joe", "an older one"), PasswordVerdict::wrong);
    EXPECT_FALSE(directory_->scram_keys("joe"));
    EXPECT_EQ(directory_->verify_password("joe", "Hello world!"), PasswordVerdict::right);
    const auto keys = directory_->scram_keys("joe");
    ASSERT_TRUE(keys);
    EXPECT_EQ(keys->stored_key,
              sasl::make_scram_keys("Hello world!", keys->salt, keys->iterations)->stored_key);
    open();
    EXPECT_TRUE(directory_->scram_keys("joe"));
}

TEST_F(DirectoryTest, DecoySaltsAreSteady) {
    const auto salt = directory_->decoy_salt("nobody");
    EXPECT_EQ(salt.size(), 16U);
    EXPECT_EQ(salt, directory_->decoy_salt("NoBody"));
    EXPECT_NE(salt, directory_->decoy_salt("somebody"));
}

// What the directory says, now and after reopening, is what a map says.
TEST_F(DirectoryTest, AgreesWithAModel) {
    EXPECT_TRUE(rc::check("random changes", [this] {
        for (const auto& account : directory_->list())
            RC_ASSERT(directory_->remove(account.name).has_value());
        std::map<std::string, std::string> model;
        const auto steps = *rc::gen::inRange(1, 12);
        const std::vector<std::string> names = {"a", "b", "c", "d"};
        for (int i = 0; i < steps; ++i) {
            const auto one = *rc::gen::elementOf(names), two = *rc::gen::elementOf(names);
            AccountChange change;
            change.full_name = std::to_string(i);
            switch (*rc::gen::inRange(0, 4)) {
                case 0:
                    RC_ASSERT(directory_->add(name(one), change).has_value() ==
                              model.try_emplace(one, *change.full_name).second);
                    break;
                case 1:
                    RC_ASSERT(directory_->remove(name(one)).has_value() == (model.erase(one) == 1));
                    break;
                case 2: {
                    const bool fits = model.count(one) == 1;
                    RC_ASSERT(directory_->change(name(one), change).has_value() == fits);
                    if (fits) model[one] = *change.full_name;
                    break;
                }
                default: {
                    const bool fits = model.count(one) == 1 && (one == two || model.count(two) == 0);
                    RC_ASSERT(directory_->rename(name(one), name(two)).has_value() == fits);
                    if (!fits || one == two) break;
                    auto node = model.extract(one);
                    node.key() = two;
                    model.insert(std::move(node));
                }
            }
        }
        for (int round = 0; round < 2; ++round) {
            std::map<std::string, std::string> found;
            for (const auto& account : directory_->list())
                found.emplace(account.name.name, account.full_name);
            RC_ASSERT(found == model);
            if (round == 0) open();
        }
    }));
}

}  // namespace
}  // namespace sims::directory
