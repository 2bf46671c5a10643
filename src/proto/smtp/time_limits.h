// How long each side waits for the other (RFC 5321 4.5.3.2).
#pragma once

#include <chrono>

namespace sims::smtp {

// What a client waits for.
enum class Phase {
    greeting,
    hello,
    start_tls,  // the reply, and then the handshake
    mail,       // and what follows in the same burst
    recipient,
    data,           // 354
    content_block,  // each piece of content to be taken
    content_end,    // the final reply; also after BDAT
    reset,
    quit,
};
std::chrono::seconds time_limit(Phase phase);

// What a server waits for.
enum class ServerPhase {
    command,
    tls_handshake,
    content_block,  // more of DATA or of a BDAT chunk
};
std::chrono::seconds time_limit(ServerPhase phase);

}  // namespace sims::smtp
