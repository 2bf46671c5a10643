// Values administrators and loaders write: whatever the bytes, a value is refused or its normal form is
// stable.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "directory/directory.h"
#include "directory/settings.h"

using namespace sims;
using namespace sims::directory;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto specs = setting_specs();
    const auto& spec = specs[data[0] % specs.size()];
    const std::string_view value(reinterpret_cast<const char*>(data + 1), size - 1);

    if (const auto normal = normalize_setting(spec, value)) {
        const auto again = normalize_setting(spec, *normal);
        check(again && *again == *normal, "the normal form of a setting is not stable");
        const auto settings = Settings().with(spec.service, spec.key, *normal);
        switch (spec.type) {
            case SettingType::boolean: settings.boolean(spec.service, spec.key); break;
            case SettingType::count:
            case SettingType::bytes:
            case SettingType::duration: {
                const auto number = settings.number(spec.service, spec.key);
                check(number >= spec.minimum && number <= spec.maximum, "a number out of its range");
                break;
            }
            case SettingType::list:
                for (const auto& item : settings.list(spec.service, spec.key))
                    check(!item.empty(), "an empty item");
                break;
            case SettingType::text:
            case SettingType::log_level: break;
        }
    }
    const auto space = value.find(' ');
    if (space != std::string_view::npos) {
        AccountChange change;
        static_cast<void>(apply_attribute(change, value.substr(0, space), value.substr(space + 1)));
    }
    if (check_account_name(value)) {
        check(value.find('/') == std::string_view::npos && value.front() != '.',
              "a name that leaves its folder");
    }
    return 0;
}
