#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace sims {

std::string_view name_of(Fault fault) {
    switch (fault) {
        case Fault::invalid: return "invalid";
        case Fault::not_found: return "not_found";
        case Fault::exists: return "exists";
        case Fault::refused: return "refused";
        case Fault::busy: return "busy";
        case Fault::no_space: return "no_space";
        case Fault::limit: return "limit";
        case Fault::corrupt: return "corrupt";
        case Fault::io: return "io";
        case Fault::unavailable: return "unavailable";
    }
    return "unknown";
}

namespace {

Fault fault_of(int number) {
    switch (number) {
        case ENOENT:
        case ENOTDIR: return Fault::not_found;
        case EEXIST: return Fault::exists;
        case EACCES:
        case EPERM:
        case EROFS: return Fault::refused;
        case EAGAIN:
        case EBUSY:
        case ETXTBSY: return Fault::busy;
        case ENOSPC:
        case EDQUOT:
        case EFBIG: return Fault::no_space;
        case EMFILE:
        case ENFILE: return Fault::unavailable;
        default: return Fault::io;
    }
}

}  // namespace

Error system_error(int number, std::string_view operation, std::string_view path) {
    std::string text(operation);
    if (!path.empty()) {
        text += ' ';
        text += path;
    }
    text += ": ";
    text += std::generic_category().message(number);
    return {fault_of(number), std::move(text)};
}

}  // namespace sims
