// The table of all settings. The names are part of the outer contract: they are never renamed.
#include <array>

#include "directory/settings.h"

namespace sims::directory {

namespace {

using T = SettingType;

constexpr std::int64_t day = 86400;
constexpr std::int64_t duration_max = 1000 * day;
constexpr std::int64_t connections_max = 1'000'000;
constexpr std::int64_t gib = 1024LL * 1024 * 1024;

constexpr std::string_view log_sentence =
    "What is logged: crashes, failures, major, problems, all or low-level, each with those before it.";
constexpr std::string_view connections_sentence =
    "The most connections served at a time; further ones are turned away. 0 serves none.";
constexpr std::string_view per_address_sentence =
    "The most connections at a time from one network address; 0 is no limit.";

constexpr std::array<std::string_view, 9> services = {"server", "smtp",      "pop",      "pwd", "notify",
                                                      "admin",  "appletalk", "antispam", "log"};

constexpr std::array specs = std::to_array<SettingSpec>({
    {"server", "log_level", T::log_level, "problems", log_sentence},

    {"smtp", "log_level", T::log_level, "problems", log_sentence},
    {"smtp", "connections", T::count, "25000", connections_sentence, 0, connections_max},
    {"smtp", "connections_per_address", T::count, "0", per_address_sentence, 0, connections_max},
    {"smtp", "client_hosts", T::list, "",
     "Our users' computers, which may send mail anywhere: addresses, ranges a-b and CIDR blocks. Nobody "
     "while it is "
     "empty, not even this computer."},
    {"smtp", "mobile_minutes", T::count, "0",
     "For how many minutes after a POP login its address may send mail anywhere; 0 is never.", 0,
     7 * 24 * 60},
    {"smtp", "black_list", T::list, "",
     "Addresses, ranges and CIDR blocks whose mail is refused, except to Postmaster."},
    {"smtp", "dns_black_lists", T::list, "", "DNS lists (zones); the mail of hosts they name is refused."},
    {"smtp", "dns_white_lists", T::list, "",
     "DNS lists (zones); hosts they name are not looked up in the black ones."},
    {"smtp", "verify_helo", T::boolean, "false",
     "Whether the name in HELO or EHLO is looked up; a name that is not the client's is noted in the "
     "Received field."},
    {"smtp", "verify_return_path", T::boolean, "false",
     "Whether mail is refused when the domain of its return-path cannot receive answers."},
    {"smtp", "message_size", T::bytes, "52428800", "The largest message taken, in bytes.", 1024, 16 * gib},
    {"smtp", "recipients", T::count, "1000",
     "The most recipients of one message (RFC 5321 asks for 100 or more).", 1, 1'000'000},
    {"smtp", "retry_schedule", T::text, "5m,10m,20m,30m*1d,2h",
     "How long to wait after each failed attempt; 30m*1d is every 30 minutes for a day; the last goes on."},
    {"smtp", "warn_after", T::duration, "4h",
     "When the sender is told that a message still waits; 0 is never.", 0, duration_max},
    {"smtp", "return_after", T::duration, "5d",
     "When a message that could not be delivered goes back to its sender.", 60, duration_max},
    {"smtp", "destination_connections", T::count, "4", "The most connections at a time to one destination.",
     1, 1000},
    {"smtp", "smart_host", T::text, "",
     "The host that takes all mail for elsewhere, as name or name:port; empty: each domain's own servers."},

    {"pop", "log_level", T::log_level, "problems", log_sentence},
    {"pop", "connections", T::count, "25000", connections_sentence, 0, connections_max},
    {"pop", "connections_per_address", T::count, "0", per_address_sentence, 0, connections_max},
    {"pop", "login_delay", T::duration, "0s", "The least time between two logins to one mailbox; 0 is none.",
     0, day},
    {"pop", "expire", T::duration, "0s",
     "After what time messages may be removed from mailboxes; 0 is never.", 0, duration_max},
    {"pop", "idle_timeout", T::duration, "10m",
     "After what silence a connection is closed (RFC 1939 asks for 10 minutes or more).", 1, day},

    {"pwd", "log_level", T::log_level, "problems", log_sentence},
    {"pwd", "connections", T::count, "100", connections_sentence, 0, connections_max},
    {"pwd", "connections_per_address", T::count, "0", per_address_sentence, 0, connections_max},
    {"pwd", "minimum_length", T::count, "8", "The fewest characters of a new password.", 1, 256},
    {"pwd", "wrong_password_pause", T::duration, "3s", "The pause after a wrong password.", 0, 60},

    {"notify", "log_level", T::log_level, "problems", log_sentence},
    {"notify", "connections", T::count, "20", "The most notifications being sent at a time; 0 sends none.", 0,
     connections_max},
    {"notify", "connections_per_address", T::count, "1",
     "The most notifications at a time to one address; 0 is no limit.", 0, connections_max},
    {"notify", "port", T::count, "79",
     "The TCP port of users' computers that is told of new mail (RFC 4146).", 1, 65535},
    {"notify", "allow_private", T::boolean, "false",
     "Whether loopback, link-local and private addresses may be notified."},

    {"admin", "log_level", T::log_level, "problems", log_sentence},
    {"admin", "connections", T::count, "200", connections_sentence, 0, connections_max},
    {"admin", "connections_per_address", T::count, "0", per_address_sentence, 0, connections_max},

    {"appletalk", "log_level", T::log_level, "problems", log_sentence},
    {"appletalk", "connections", T::count, "100", connections_sentence, 0, connections_max},
    {"appletalk", "connections_per_address", T::count, "0",
     "The most connections at a time from one node; 0 is no limit.", 0, connections_max},
    {"appletalk", "name", T::text, "", "The server's name on the AppleTalk network; empty: its host name."},
    {"appletalk", "nbp_types", T::list, "",
     "The NBP types the server is registered under; empty: those clients look for."},
    {"appletalk", "clients_may_relay", T::boolean, "false",
     "Whether AppleTalk clients may send mail anywhere."},
    {"appletalk", "eom", T::text, "off",
     "off, or reply: ends each reply with an end-of-message mark, for clients that read up to one."},

    {"antispam", "log_level", T::log_level, "problems", log_sentence},
});

}  // namespace

std::span<const SettingSpec> setting_specs() { return specs; }
std::span<const std::string_view> setting_services() { return services; }

}  // namespace sims::directory
