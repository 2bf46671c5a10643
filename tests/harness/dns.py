"""A DNS server on loopback whose zones and failures a test writes down."""
import threading
import time

import dnslib
from dnslib.server import BaseResolver, DNSServer

from .ports import free_port


class Dns(BaseResolver):
    """`with Dns() as dns: dns.mx("example.net", 10, "mx.example.net"); dns.a("mx.example.net", "127.0.0.11")`.

    Names nobody wrote down do not exist (NXDOMAIN). `failing` holds names answered SERVFAIL, `silent` names that are
    not answered at all. `asked` is every (name, type) asked for, in order.
    """

    def __init__(self):
        self.records = {}
        self.failing = set()
        self.silent = set()
        self.asked = []
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"

    def add(self, name, kind, data):
        self.records.setdefault(name.lower().rstrip("."), []).append((kind, data))

    def mx(self, name, preference, host):
        self.add(name, "MX", dnslib.MX(host, preference))

    def a(self, name, address):
        self.add(name, "A", dnslib.A(address))

    def aaaa(self, name, address):
        self.add(name, "AAAA", dnslib.AAAA(address))

    def cname(self, name, target):
        self.add(name, "CNAME", dnslib.CNAME(target))

    def txt(self, name, text):
        self.add(name, "TXT", dnslib.TXT(text))

    def exists(self, name):
        """A name without records: NODATA instead of NXDOMAIN."""
        self.records.setdefault(name.lower(), [])

    def null_mx(self, name):
        self.mx(name, 0, ".")

    def forget(self, name):
        self.records.pop(name.lower(), None)

    def resolve(self, request, handler):
        question = request.q
        name, kind = str(question.qname).rstrip(".").lower(), dnslib.QTYPE[question.qtype]
        self.asked.append((name, kind))
        reply = request.reply(ra=1)
        if name in self.silent:
            time.sleep(30)
        if name in self.failing:
            reply.header.rcode = dnslib.RCODE.SERVFAIL
            return reply
        owner = name
        for _ in range(8):
            found = self.records.get(owner)
            aliases = [data for k, data in found or [] if k == "CNAME"]
            if not aliases or kind == "CNAME":
                break
            reply.add_answer(dnslib.RR(owner, dnslib.QTYPE.CNAME, rdata=aliases[0], ttl=0))
            owner = str(aliases[0].label).rstrip(".").lower()
        answers = [data for k, data in found or [] if k == kind]
        for data in answers:
            reply.add_answer(dnslib.RR(owner, getattr(dnslib.QTYPE, kind), rdata=data, ttl=0))
        if found is None and not any(n.endswith("." + owner) for n in self.records):
            reply.header.rcode = dnslib.RCODE.NXDOMAIN
        if not answers:
            zone = owner.split(".", 1)[-1] if "." in owner else "."
            reply.add_auth(dnslib.RR(zone, dnslib.QTYPE.SOA, ttl=0, rdata=dnslib.SOA("ns.invalid", "root.invalid", (1, 60, 60, 60, 0))))
        return reply

    def __enter__(self):
        self.servers = [DNSServer(self, address="127.0.0.1", port=self.port, tcp=tcp, logger=_Quiet()) for tcp in (False, True)]
        for server in self.servers:
            server.server.daemon_threads = True
            threading.Thread(target=server.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.server.shutdown()
            server.server.server_close()


class _Quiet:
    def __getattr__(self, name):
        return lambda *_: None
