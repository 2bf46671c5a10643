#include "os/file_system.h"

namespace sims::os {

Result<std::string> File::read_text(std::uint64_t offset, std::size_t count) const {
    std::string text(count, '\0');
    auto got = read_at(offset, std::span(text.data(), text.size()));
    if (!got) return got.error();
    text.resize(*got);
    return text;
}

Result<std::string> read_file(FileSystem& files, const std::string& path, std::size_t bytes_max) {
    auto file = files.open(path, Open::read);
    if (!file) return file.error();
    auto stat = (*file)->stat();
    if (!stat) return stat.error();
    if (stat->size > bytes_max) {
        return fail(Fault::limit, path + ": larger than " + std::to_string(bytes_max) + " bytes");
    }
    return (*file)->read_text(0, static_cast<std::size_t>(stat->size));
}

Result<> replace_file(FileSystem& files, const std::string& path, std::string_view bytes) {
    const std::string folder = folder_of(path);
    // A fixed name: what a crash leaves is overwritten by the next replacement.
    const std::string fresh = folder + "/." + name_in(path) + ".new";
    auto file = files.open(fresh, Open::create);
    if (!file) return file.error();
    auto done = (*file)->truncate(0);
    if (done) done = (*file)->write_at(0, bytes);
    if (done) done = (*file)->sync();
    if (done) done = files.rename(fresh, path);
    if (!done) {
        (void)files.remove(fresh);
        return done;
    }
    return files.sync_folder(folder);
}

std::string folder_of(std::string_view path) {
    const auto slash = path.rfind('/');
    if (slash == std::string_view::npos) return ".";
    return std::string(slash == 0 ? "/" : path.substr(0, slash));
}

std::string name_in(std::string_view path) {
    const auto slash = path.rfind('/');
    return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace sims::os
