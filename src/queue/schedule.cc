#include "queue/schedule.h"

#include <algorithm>
#include <list>
#include <map>
#include <set>
#include <tuple>

#include "base/check.h"

namespace sims::queue {

namespace {

struct Key {
    QueueId id;
    std::size_t recipient = 0;
    friend bool operator==(const Key&, const Key&) = default;
};
struct KeyHash {
    std::size_t operator()(const Key& key) const {
        return std::hash<std::uint64_t>{}(key.id.value * 0x9E3779B97F4A7C15ULL + key.recipient);
    }
};

struct Destination;
// When a destination may be tried next; the name only makes an order among equals.
using Sleeping = std::set<std::tuple<TimePoint, std::string_view, Destination*>>;
using Ready = std::list<Destination*>;

struct Destination {
    explicit Destination(std::string destination) : name(std::move(destination)) {}

    std::string name;
    std::set<std::tuple<TimePoint, QueueId, std::size_t>> waiting;
    std::map<QueueId, std::set<std::pair<TimePoint, std::size_t>>> by_message;  // the same, together
    std::size_t held = 0;
    std::size_t in_assignments = 0;  // recipients
    std::size_t connections = 0;     // assignments
    std::size_t failures = 0;        // in a row, to reach it at all
    std::optional<TimePoint> suspended_until;

    enum class Place { none, sleeping, ready } place = Place::none;
    Sleeping::iterator sleeping{};
    Ready::iterator ready{};

    bool is_unused() const { return waiting.empty() && held == 0 && in_assignments == 0 && connections == 0; }
    TimePoint wakes() const {
        const TimePoint due = std::get<TimePoint>(*waiting.begin());
        return suspended_until ? std::max(due, *suspended_until) : due;
    }
};

struct Item {
    Destination* destination = nullptr;
    enum class State { waiting, held, assigned } state = State::waiting;
    TimePoint due{};
    enum class Afterwards { wait, hold, forget } afterwards = Afterwards::wait;  // of an assigned one
};

}  // namespace

struct Schedule::State {
    explicit State(RetryRules retry_rules) : rules(std::move(retry_rules)) {}

    Item* find(QueueId id, std::size_t recipient) {
        const auto at = items.find({id, recipient});
        return at == items.end() ? nullptr : &at->second;
    }
    Destination& destination(const std::string& name) {
        auto& slot = destinations[name];
        if (!slot) slot = std::make_unique<Destination>(name);
        return *slot;
    }
    void wait(const Key& key, Item& item, TimePoint due) {
        item.state = Item::State::waiting;
        item.due = due;
        item.destination->waiting.emplace(due, key.id, key.recipient);
        item.destination->by_message[key.id].emplace(due, key.recipient);
    }
    void stop_waiting(const Key& key, const Item& item) {
        Destination& destination = *item.destination;
        destination.waiting.erase({item.due, key.id, key.recipient});
        const auto message = destination.by_message.find(key.id);
        message->second.erase({item.due, key.recipient});
        if (message->second.empty()) destination.by_message.erase(message);
    }
    bool has_connection(const Destination& destination) const {
        // One to probe a dead one.
        const std::size_t most = destination.suspended_until ? 1 : rules.destination_connections;
        return destination.connections < most;
    }

    void leave_place(Destination& destination) {
        switch (destination.place) {
            case Destination::Place::none: break;
            case Destination::Place::sleeping: sleeping.erase(destination.sleeping); break;
            case Destination::Place::ready: ready.erase(destination.ready); break;
        }
        destination.place = Destination::Place::none;
    }
    void sleep(Destination& destination) {
        leave_place(destination);
        destination.sleeping = sleeping.emplace(destination.wakes(), destination.name, &destination).first;
        destination.place = Destination::Place::sleeping;
    }
    // After any change: puts the destination where it belongs, or forgets it.
    void place(Destination& destination) {
        if (destination.is_unused()) {
            leave_place(destination);
            destinations.erase(std::string(destination.name));
        } else if (destination.waiting.empty() || !has_connection(destination)) {
            leave_place(destination);
        } else if (destination.place != Destination::Place::ready) {
            sleep(destination);  // one that is ready keeps its turn
        }
    }
    void wake(TimePoint now) {
        while (!sleeping.empty() && std::get<TimePoint>(*sleeping.begin()) <= now) {
            Destination& destination = *std::get<Destination*>(*sleeping.begin());
            leave_place(destination);
            destination.ready = ready.insert(ready.end(), &destination);
            destination.place = Destination::Place::ready;
        }
    }
    Assignment assign(Destination& destination, TimePoint now);
    void suspend(Destination& destination, TimePoint now);
    void make_due(Destination& destination, TimePoint now);

    RetryRules rules;
    std::unordered_map<Key, Item, KeyHash> items;
    std::unordered_map<std::string, std::unique_ptr<Destination>> destinations;
    Sleeping sleeping;
    Ready ready;  // in turn
};

// The message that waited longest, with all of its recipients that are due here.
Assignment Schedule::State::assign(Destination& destination, TimePoint now) {
    Assignment assignment;
    assignment.destination = destination.name;
    assignment.id = std::get<QueueId>(*destination.waiting.begin());
    const auto most = std::max<std::size_t>(rules.recipients_per_transaction, 1);
    for (const auto& [due, recipient] : destination.by_message.at(assignment.id)) {
        if (due > now || assignment.recipients.size() == most) break;
        assignment.recipients.push_back(recipient);
    }
    std::sort(assignment.recipients.begin(), assignment.recipients.end());
    for (const auto recipient : assignment.recipients) {
        const Key key{assignment.id, recipient};
        Item& item = items.at(key);
        stop_waiting(key, item);
        item.state = Item::State::assigned;
        item.afterwards = Item::Afterwards::wait;
    }
    ++destination.connections;
    destination.in_assignments += assignment.recipients.size();
    leave_place(destination);  // its turn is over
    place(destination);
    return assignment;
}

// Waits grow as those of a message do. Connections that were under way together fail together: once is
// enough.
void Schedule::State::suspend(Destination& destination, TimePoint now) {
    if (destination.suspended_until && *destination.suspended_until > now) return;
    if (rules.steps.empty()) return;
    const auto& step = rules.steps[std::min(destination.failures, rules.steps.size() - 1)];
    ++destination.failures;
    destination.suspended_until = now + step.wait;
    leave_place(destination);
}

void Schedule::State::make_due(Destination& destination, TimePoint now) {
    destination.suspended_until.reset();
    std::vector<Key> later;
    for (auto at = destination.waiting.upper_bound({now, QueueId{{UINT64_MAX}}, SIZE_MAX});
         at != destination.waiting.end(); ++at) {
        later.push_back({std::get<QueueId>(*at), std::get<std::size_t>(*at)});
    }
    for (const auto& key : later) {
        Item& item = items.at(key);
        stop_waiting(key, item);
        wait(key, item, now);
    }
    place(destination);
}

Schedule::Schedule(RetryRules rules) : state_(std::make_unique<State>(std::move(rules))) {}
Schedule::~Schedule() = default;

void Schedule::set_rules(RetryRules rules) {
    state_->rules = std::move(rules);
    for (const auto& [name, destination] : state_->destinations) state_->place(*destination);
}

void Schedule::add(QueueId id, std::size_t recipient, const std::string& destination, TimePoint due) {
    const auto [at, fresh] = state_->items.try_emplace({id, recipient});
    check(fresh, "a recipient was put in the schedule twice");
    at->second.destination = &state_->destination(destination);
    state_->wait(at->first, at->second, due);
    state_->place(*at->second.destination);
}

void Schedule::remove(QueueId id, std::size_t recipient) {
    Item* const item = state_->find(id, recipient);
    if (!item) return;
    Destination& destination = *item->destination;
    switch (item->state) {
        case Item::State::waiting: state_->stop_waiting({id, recipient}, *item); break;
        case Item::State::held: --destination.held; break;
        case Item::State::assigned: item->afterwards = Item::Afterwards::forget; return;
    }
    state_->items.erase({id, recipient});
    state_->place(destination);
}

void Schedule::hold(QueueId id, std::size_t recipient) {
    Item* const item = state_->find(id, recipient);
    if (!item) return;
    switch (item->state) {
        case Item::State::waiting:
            state_->stop_waiting({id, recipient}, *item);
            item->state = Item::State::held;
            ++item->destination->held;
            state_->place(*item->destination);
            break;
        case Item::State::held: break;
        case Item::State::assigned:
            if (item->afterwards == Item::Afterwards::wait) item->afterwards = Item::Afterwards::hold;
            break;
    }
}

void Schedule::release(QueueId id, std::size_t recipient, TimePoint now) {
    Item* const item = state_->find(id, recipient);
    if (!item) return;
    switch (item->state) {
        case Item::State::waiting: break;
        case Item::State::held:
            --item->destination->held;
            state_->wait({id, recipient}, *item, now);
            state_->place(*item->destination);
            break;
        case Item::State::assigned:
            if (item->afterwards == Item::Afterwards::hold) item->afterwards = Item::Afterwards::wait;
            break;
    }
}

void Schedule::retry_now(const std::string& destination, TimePoint now) {
    if (destination.empty()) {
        for (const auto& [name, each] : state_->destinations) state_->make_due(*each, now);
        return;
    }
    const auto at = state_->destinations.find(destination);
    if (at != state_->destinations.end()) state_->make_due(*at->second, now);
}

std::optional<Assignment> Schedule::next(TimePoint now) {
    state_->wake(now);
    while (!state_->ready.empty()) {
        Destination& destination = *state_->ready.front();
        if (destination.wakes() <= now) return state_->assign(destination, now);
        state_->sleep(destination);  // what was due was taken out, or the clock went back
    }
    return std::nullopt;
}

std::optional<Assignment> Schedule::next_for(const std::string& destination, TimePoint now) {
    const auto at = state_->destinations.find(destination);
    if (at == state_->destinations.end()) return std::nullopt;
    Destination& found = *at->second;
    if (found.waiting.empty() || !state_->has_connection(found) || found.wakes() > now) return std::nullopt;
    return state_->assign(found, now);
}

void Schedule::finished(const Assignment& assignment, const std::vector<Again>& again,
                        DestinationOutcome outcome, TimePoint now) {
    const auto at = state_->destinations.find(assignment.destination);
    check(at != state_->destinations.end() && at->second->connections > 0, "an assignment ended twice");
    Destination& destination = *at->second;
    --destination.connections;
    destination.in_assignments -= assignment.recipients.size();
    std::unordered_map<std::size_t, TimePoint> dues;
    for (const auto& one : again) dues.emplace(one.recipient, one.due);
    for (const auto recipient : assignment.recipients) {
        const Key key{assignment.id, recipient};
        Item* const item = state_->find(key.id, recipient);
        check(item && item->state == Item::State::assigned, "an assignment ended that was none");
        const auto due = dues.find(recipient);
        if (due == dues.end() || item->afterwards == Item::Afterwards::forget) {
            state_->items.erase(key);
        } else if (item->afterwards == Item::Afterwards::hold) {
            item->state = Item::State::held;
            ++destination.held;
        } else {
            state_->wait(key, *item, due->second);
        }
    }
    switch (outcome) {
        case DestinationOutcome::reached:
            destination.failures = 0;
            destination.suspended_until.reset();
            break;
        case DestinationOutcome::unreachable: state_->suspend(destination, now); break;
    }
    state_->place(destination);
}

std::optional<TimePoint> Schedule::retry_at(TimePoint received, std::uint32_t attempts, TimePoint now) const {
    return retry_time(state_->rules, received, attempts, now);
}

bool Schedule::warning_due(TimePoint received, TimePoint now) const {
    return now - received >= state_->rules.warn_after;
}

std::optional<TimePoint> Schedule::next_due(TimePoint now) const {
    if (!state_->ready.empty()) return now;
    if (state_->sleeping.empty()) return std::nullopt;
    return std::max(now, std::get<TimePoint>(*state_->sleeping.begin()));
}

std::vector<Schedule::DestinationStatus> Schedule::destinations() const {
    std::vector<DestinationStatus> list;
    list.reserve(state_->destinations.size());
    for (const auto& [name, destination] : state_->destinations) {
        list.push_back(
            {name, destination->waiting.size(), destination->in_assignments, destination->suspended_until});
    }
    std::sort(list.begin(), list.end(),
              [](const auto& a, const auto& b) { return a.destination < b.destination; });
    return list;
}

}  // namespace sims::queue
