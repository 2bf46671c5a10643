// The accounts and domains in memory, compactly: a few hundred bytes an account. Not thread-safe: the
// directory guards it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/strong.h"
#include "base/text.h"
#include "directory/directory.h"

namespace sims::directory {

// 0 is the main domain.
struct DomainId : Strong<std::int64_t, DomainId> {};
inline constexpr DomainId main_domain_id{};

struct Record {
    std::int64_t id = 0;
    DomainId domain;
    std::string name;  // case as created
    std::string full_name;
    std::string notify_address;
    std::unique_ptr<LastLogin>
        last_login;  // most accounts of a large site never logged in since the last start
    std::unique_ptr<sasl::ScramKeys> scram;
    std::int64_t size_limit_kbytes = 0;
    std::uint32_t password_version = 0;  // counts its changes in this process
    NotifyMode notify_mode = NotifyMode::none;
    bool enabled = true;
    bool login_enabled = true;
    bool apop_required = false;
    bool administrator = false;
};

// Everything but id, name and domain.
void apply(const AccountChange& change, Record& record);

class Accounts {
public:
    Record* find(DomainId domain, std::string_view name) const;
    Record& add(std::unique_ptr<Record> record);  // there is none of that name
    void remove(const Record& record);
    void rename(const Record& record, DomainId domain, std::string name);
    bool any_in(DomainId domain) const;
    void reserve(std::size_t count) { records_.reserve(count); }
    std::size_t size() const { return records_.size(); }
    template <class Visit>
    void each(const Visit& visit) const {
        for (const auto& record : records_) visit(*record);
    }

private:
    struct Key {
        DomainId domain;
        std::string_view name;
    };
    static Key key_of(const Key& key) { return key; }
    static Key key_of(const std::unique_ptr<Record>& record) { return {record->domain, record->name}; }
    struct Hash {
        using is_transparent = void;
        template <class T>
        std::size_t operator()(const T& item) const {
            const auto key = key_of(item);
            return HashIgnoringCase{}(key.name) ^
                   (static_cast<std::size_t>(key.domain.value) * 0x9e3779b97f4a7c15ULL);
        }
    };
    struct Equal {
        using is_transparent = void;
        template <class A, class B>
        bool operator()(const A& a, const B& b) const {
            const auto left = key_of(a), right = key_of(b);
            return left.domain == right.domain && equal_ignoring_case(left.name, right.name);
        }
    };
    std::unordered_set<std::unique_ptr<Record>, Hash, Equal> records_;
};

class Domains {
public:
    explicit Domains(std::string main_domain);  // an A-label already, or as good as it gets
    // As people write it: case, U-labels and a last dot do not matter. Empty is the main one.
    std::optional<DomainId> find(std::string_view domain) const;
    // "" for the main one.
    std::string_view name(DomainId id) const;
    const std::string& main() const { return main_; }
    std::vector<std::string> list() const;
    void add(DomainId id, std::string name);  // false twins of the main domain stay in its shadow
    void remove(DomainId id);

private:
    std::string main_;
    std::unordered_map<std::string, DomainId, HashIgnoringCase, EqualIgnoringCase> by_name_;
    std::unordered_map<DomainId, std::string, StrongHash<DomainId>> by_id_;
};

}  // namespace sims::directory
