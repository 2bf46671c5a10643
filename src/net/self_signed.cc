#include "net/self_signed.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <memory>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "net/tls_context.h"

namespace sims::net {

namespace {

constexpr long valid_seconds = 10L * 365 * 86400;
constexpr std::size_t common_name_max = 64;  // RFC 5280 A.1, ub-common-name

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Memory = std::unique_ptr<BIO, decltype(&BIO_free)>;

bool add_extension(X509* certificate, int id, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
    if (!extension) return false;
    const bool added = X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

// Nothing when OpenSSL refuses any part of it.
Certificate make_certificate(const std::string& hostname, EVP_PKEY* key) {
    Certificate none(nullptr, X509_free);
    Certificate certificate(X509_new(), X509_free);
    if (!certificate) return none;
    std::uint64_t serial = 0;
    if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return none;
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), (serial >> 1) | 1);
    // An hour of grace for clients whose clock is slow.
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), valid_seconds);
    if (X509_set_pubkey(certificate.get(), key) != 1) return none;
    X509_NAME* name = X509_get_subject_name(certificate.get());
    const std::string common = hostname.substr(0, common_name_max);
    if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(common.data()),
                                   static_cast<int>(common.size()), -1, 0) != 1) {
        return none;
    }
    X509_set_issuer_name(certificate.get(), name);
    if (!add_extension(certificate.get(), NID_subject_alt_name, "DNS:" + hostname)) return none;
    if (!add_extension(certificate.get(), NID_basic_constraints, "critical,CA:FALSE")) return none;
    if (!add_extension(certificate.get(), NID_ext_key_usage, "serverAuth,clientAuth")) return none;
    if (X509_sign(certificate.get(), key, EVP_sha256()) == 0) return none;
    return certificate;
}

std::string_view contents(BIO* memory) {
    char* data = nullptr;
    const long length = BIO_get_mem_data(memory, &data);
    return {data, static_cast<std::size_t>(length)};
}

Result<> write_whole(int descriptor, std::string_view bytes, const std::string& path) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return system_error(errno, "write", path);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(descriptor) != 0) return system_error(errno, "fsync", path);
    return {};
}

Result<> write_private_file(const std::string& path, std::string_view bytes) {
    const std::string temporary = path + ".new";
    ::unlink(temporary.c_str());
    const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0) return system_error(errno, "create", temporary);
    Result<> written = write_whole(descriptor, bytes, temporary);
    ::close(descriptor);
    if (written && ::rename(temporary.c_str(), path.c_str()) != 0) {
        written = system_error(errno, "rename", temporary);
    }
    if (!written) ::unlink(temporary.c_str());
    return written;
}

bool is_host_name(std::string_view name) {
    if (name.empty() || name.size() > 253) return false;
    // The name goes into OpenSSL's extension language, where a comma or a colon would mean something.
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    return name.find_first_not_of(allowed) == std::string_view::npos;
}

}  // namespace

Result<> make_self_signed(const std::string& hostname, const std::string& certificate_path,
                          const std::string& key_path) {
    ERR_clear_error();
    if (!is_host_name(hostname)) return fail(Fault::invalid, "certificate: not a host name: " + hostname);
    const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    if (!key) return fail(Fault::io, "certificate: no key: " + openssl_words());
    const Certificate certificate = make_certificate(hostname, key.get());
    if (!certificate) return fail(Fault::io, "certificate: " + openssl_words());
    const Memory key_pem(BIO_new(BIO_s_mem()), BIO_free);
    const Memory certificate_pem(BIO_new(BIO_s_mem()), BIO_free);
    if (!key_pem || !certificate_pem ||
        PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
        PEM_write_bio_X509(certificate_pem.get(), certificate.get()) != 1) {
        return fail(Fault::io, "certificate: " + openssl_words());
    }
    if (auto written = write_private_file(key_path, contents(key_pem.get())); !written) return written;
    return write_private_file(certificate_path, contents(certificate_pem.get()));
}

}  // namespace sims::net
