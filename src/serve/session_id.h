// The short name of a connection, for the log and for a peer that asks what happened: "4F2A".
#pragma once

#include <string>

namespace sims::serve {

// Unique in this run of the server. Any thread.
std::string next_session_id();

}  // namespace sims::serve
