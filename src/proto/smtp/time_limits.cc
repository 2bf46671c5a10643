#include "proto/smtp/time_limits.h"

namespace sims::smtp {

using std::chrono::minutes;
using std::chrono::seconds;

seconds time_limit(Phase phase) {
    switch (phase) {
        case Phase::greeting: return minutes(5);
        case Phase::hello: return minutes(5);
        case Phase::start_tls: return minutes(2);
        case Phase::mail: return minutes(5);
        case Phase::recipient: return minutes(5);
        case Phase::data: return minutes(2);
        case Phase::content_block: return minutes(3);
        case Phase::content_end: return minutes(10);
        case Phase::reset: return seconds(30);
        case Phase::quit: return seconds(5);  // the mail is delivered: nobody waits long for a goodbye
    }
    return minutes(5);
}

seconds time_limit(ServerPhase phase) {
    switch (phase) {
        case ServerPhase::command: return minutes(5);
        case ServerPhase::tls_handshake: return minutes(1);
        case ServerPhase::content_block: return minutes(5);
    }
    return minutes(5);
}

}  // namespace sims::smtp
