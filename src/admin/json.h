// The JSON shapes of the API and of --json: fixed names that scripts rely on (docs/api.md); fields may be
// added, never renamed.
#pragma once

#include <boost/json/fwd.hpp>

#include "admin/operations.h"

namespace sims::admin {

boost::json::object json_of(const AccountView& account);
boost::json::object json_of(const DomainView& domain);
boost::json::object json_of(const MirrorView& mirror);
boost::json::object json_of(const SettingView& setting);
boost::json::object json_of(const RouterTest& test);
boost::json::object json_of(const queue::QueuedMessage& message);
boost::json::object json_of(const store::CheckReport& report);
boost::json::object json_of(const LogPage& page);
// {"error": {"code", "message", "field"}}; field is absent when empty.
boost::json::object json_of(const Problem& problem);

}  // namespace sims::admin
