// The real file system. Every descriptor is closed on exec; interrupted and short calls are gone on with;
// locks belong to the open file (F_OFD_SETLK), so closing another descriptor of the same file keeps them.
#pragma once

#include <memory>

#include "os/file_system.h"

namespace sims::os {

// map() is for files only this server writes: to read a mapped file that another program cuts short kills
// the process (SIGBUS), so mailboxes are read with read_at().
std::unique_ptr<FileSystem> make_posix_file_system();

}  // namespace sims::os
