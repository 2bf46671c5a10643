// The server as a whole: every module made and wired to its neighbours, opened in order and closed in the
// opposite one. Knows nothing of the process around it: serve.cc does.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/base_folder.h"
#include "app/start_settings.h"
#include "base/result.h"

namespace sims::app {

class Server {
public:
    // Opens everything: folders, ports, the queue that waits. Ports and keys are opened as root, where there
    // is one; then privileges are dropped. Errors are one line, with the key of sims.toml where one is to
    // blame.
    static Result<std::unique_ptr<Server>> open(const std::string& base, const StartSettings& settings,
                                                Privileges& privileges);
    // Closes without ceremony.
    ~Server();

    // The one-time password of the Postmaster, made when there was no account.
    const std::optional<std::string>& first_password() const;
    // Takes connections, begins to send.
    void start();
    // Reads certificates again, and says in the log what else has changed and waits for a restart. `faults`:
    // of the new file; then nothing changes.
    void reload(const StartSettings& settings, const std::vector<std::string>& faults);
    // Takes no more connections, lets replies in flight be finished for a while, writes everything down.
    // True: all is quiet and the server can be destroyed; false: somebody still holds on to it, and the
    // process should just end.
    bool stop();

    // For sentences that belong to the process: "runs as root".
    void warn(const std::string& text);

private:
    struct Parts;
    explicit Server(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace sims::app
