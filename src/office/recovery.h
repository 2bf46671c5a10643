// After a crash: mailboxes that were being written are made to hold every promised message exactly once
// (docs/formats/spool.md "Recovery").
#pragma once

#include "base/log.h"
#include "queue/spool.h"
#include "store/mailbox_store.h"

namespace sims::office {

struct RecoveryParts {
    store::MailboxStore& store;
    queue::Spool& spool;
    Log& log;
};

// Recipients whose mailbox was mended are marked delivered in `recovered`, and in the spool. A mailbox that
// can't be mended now keeps its recipients waiting and its note; that is logged, not an Error. Errors: the
// spool's.
Result<> mend_mailboxes(RecoveryParts parts, queue::Recovered& recovered);

}  // namespace sims::office
