#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/text.h"
#include "net/dns_rdata.h"

using namespace sims;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (const auto mx = net::decode_mx(bytes)) {
        check(mx->host.empty() || net::is_dns_name(mx->host), "an MX host that nobody could ask for");
        check(lower(mx->host) == mx->host, "an MX host in capitals");
        check(mx->host.size() + 4 >= bytes.size(), "octets left over");
    }
    if (const auto address = net::decode_address(bytes)) check(size == 4 || size == 16, "not an address");
    if (const auto text = net::decode_text(bytes)) check(text->size() < size, "text out of nothing");
    if (net::is_dns_name(bytes)) check(size <= net::dns_name_octets_max + 1, "too long a name");
    return 0;
}
