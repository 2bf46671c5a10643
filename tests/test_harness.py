"""The tests' own world: a DNS server and a sink that do not do what they are told would make the other tests lie."""
import smtplib
import ssl

import dnslib
import pytest

from harness.corpus import found, made, with_crlf
from harness.mailboxes import without_trace
from harness.sink import Sink
from harness.smtp import stuffed


def ask(dns, name, kind, tcp=False):
    query = dnslib.DNSRecord.question(name, kind)
    return dnslib.DNSRecord.parse(query.send("127.0.0.1", dns.port, tcp=tcp, timeout=5))


@pytest.mark.parametrize("tcp", [False, True])
def test_dns_answers_what_was_written_down(dns, tcp):
    dns.mx("two.example", 20, "b.two.example")
    dns.mx("two.example", 10, "a.two.example")
    dns.a("a.two.example", "127.0.0.11")
    dns.cname("www.two.example", "a.two.example")
    dns.failing.add("broken.example")
    assert sorted(r.rdata.preference for r in ask(dns, "two.example", "MX", tcp).rr if r.rtype == dnslib.QTYPE.MX) == [10, 20]
    assert str(ask(dns, "A.Two.Example", "A", tcp).rr[0].rdata) == "127.0.0.11"
    assert [str(r.rdata) for r in ask(dns, "www.two.example", "A", tcp).rr] == ["a.two.example.", "127.0.0.11"]
    assert ask(dns, "a.two.example", "AAAA", tcp).header.rcode == dnslib.RCODE.NOERROR
    assert ask(dns, "nobody.example", "A", tcp).header.rcode == dnslib.RCODE.NXDOMAIN
    assert ask(dns, "broken.example", "A", tcp).header.rcode == dnslib.RCODE.SERVFAIL


def test_sink_takes_mail_and_does_as_told(certificate):
    with Sink(certificate=certificate) as sink:
        sink.replies["nobody@x.example"] = "550 5.1.1 No such user"
        sink.replies["BODY"] = ["451 4.3.0 Later", "250 2.0.0 Ok"]
        client = smtplib.SMTP(sink.host, sink.port)
        client.starttls(context=ssl._create_unverified_context())
        with pytest.raises(smtplib.SMTPDataError):
            client.sendmail("a@x.example", ["b@x.example"], b"Subject: x\r\n\r\n.\r\nx\r\n")
        refused = client.sendmail("a@x.example", ["b@x.example", "nobody@x.example"], b"Subject: x\r\n\r\n.\r\nx\r\n")
        client.quit()
        assert list(refused) == ["nobody@x.example"]
        [message] = sink.messages
        assert (message.sender, message.recipients, message.tls) == ("a@x.example", ["b@x.example"], True)
        assert message.content == b"Subject: x\r\n\r\n.\r\nx\r\n"


def test_corpus_is_there_and_on_the_wire():
    messages = list(made()) + list(found())
    assert len(messages) > 80
    for name, message in messages:
        assert message == with_crlf(message), name


def test_dots_are_stuffed():
    assert stuffed(b".a\r\n..\r\n") == b"..a\r\n...\r\n.\r\n"
    assert stuffed(b"") == b".\r\n"


def test_only_trace_fields_may_be_added():
    sent = b"Subject: x\r\n\r\nbody\r\n"
    assert without_trace(b"Return-Path: <>\r\nReceived: a\r\n\tb\r\n" + sent, sent) == sent
    for front in (b"", b"X-Other: 1\r\n", b"Received: x\r\n\r\n"):
        with pytest.raises(AssertionError):
            without_trace(front + sent, sent)
