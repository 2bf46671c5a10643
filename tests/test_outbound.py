"""Mail for elsewhere: where it goes, when it is tried again, when and how it comes back (RFC 5321 5, 7505, 3464)."""
import email
import email.policy
import threading
import time

import pytest

from harness.corpus import made, message
from harness.dns import Dns
from harness.mailboxes import without_trace
from harness.ports import free_port
from harness.server import Server
from harness.sink import Sink
from harness.waiting import wait_until


class World:
    """A server whose clients may relay, its DNS, and the port all remote hosts listen on."""

    def __init__(self, folder, dns):
        self.dns = dns
        self.port = free_port("127.0.0.11")
        self.sims = Server(folder, dns_server=dns.address, outbound_port=self.port)

    def open(self):
        self.sims.start()
        self.sims.add_account("joe")
        self.sims.set("smtp", client_hosts="127.0.0.1", retry_schedule="1s")
        return self

    def sink(self, host="127.0.0.11", **options):
        return Sink(host, self.port, **options)

    def host(self, domain, preference=10, address="127.0.0.11"):
        """A mail exchanger for the domain."""
        name = f"mx{address.rsplit('.', 1)[1]}.{domain}"
        self.dns.mx(domain, preference, name)
        self.dns.a(name, address)

    def send(self, recipients, text, sender="joe@example.org"):
        with self.sims.smtp() as client:
            client.hello()
            reply = client.send_message(sender, [recipients] if isinstance(recipients, str) else recipients, text)
            assert reply.code == 250, reply

    def bounce(self, seconds=30):
        """The first message in joe's mailbox, parsed; checked to be a delivery status notice."""
        def first():
            with self.sims.pop3("joe") as pop:
                return pop.retrieve(1) if pop.stat()[0] else None

        raw = wait_until(first, "a notice in joe's mailbox", seconds)
        assert raw.startswith(b"Return-Path: <>\r\n")
        notice = email.message_from_bytes(raw, policy=email.policy.default)
        assert not any(part.defects for part in notice.walk()), [part.defects for part in notice.walk()]
        assert notice.get_content_type() == "multipart/report" and notice.get_param("report-type") == "delivery-status"
        assert notice["From"] and "joe@example.org" in notice["To"] and notice["Date"] and notice["Message-ID"]
        assert notice["Auto-Submitted"] == "auto-replied"
        assert [part.get_content_type() for part in notice.iter_parts()][:2] == ["text/plain", "message/delivery-status"]
        return notice


def status_of(notice):
    """The per-message fields and those of each recipient, of a notice."""
    groups = list(notice.iter_parts())[1].get_payload()
    return groups[0], groups[1:]


@pytest.fixture
def world(tmp_path):
    with Dns() as dns:
        world = World(tmp_path / "base", dns)
        try:
            yield world.open()
            if world.sims.process is not None:
                world.sims.stop()
        finally:
            if world.sims.process is not None:
                world.sims.kill()


def test_to_the_mail_exchanger_byte_for_byte(world):
    world.host("remote.example")
    texts = [(label, text) for label, text in made() if len(text) < 2_000_000 and b"\0" not in text]
    with world.sink() as sink:
        for label, text in texts:
            world.send("user@remote.example", text)
        messages = sink.wait_for_messages(len(texts), 60)
        left = [text for _, text in texts]
        for got in messages:
            assert (got.sender, got.recipients) == ("joe@example.org", ["user@remote.example"])
            match = [text for text in left if got.content.endswith(text) and got.content.startswith(b"Received:")
                     and _is_trace(got.content, text)]
            assert match, got.content[:300]
            left.remove(max(match, key=len))
        assert left == []
    wait_until(lambda: world.sims.queue() == [], "an empty queue")


def _is_trace(content, text):
    try:
        without_trace(content, text)
        return True
    except AssertionError:
        return False


def test_the_smallest_preference_first(world):
    world.host("remote.example", 20, "127.0.0.12")
    world.host("remote.example", 10, "127.0.0.11")
    with world.sink("127.0.0.11") as best, world.sink("127.0.0.12") as second:
        world.send("user@remote.example", message("one"))
        best.wait_for_messages()
        assert second.sessions == []


@pytest.mark.parametrize("trouble", ["refuses", "421", "554", "drops"])
def test_the_next_one_when_the_best_is_down(world, trouble):
    world.host("remote.example", 10, "127.0.0.11")
    world.host("remote.example", 20, "127.0.0.12")
    with world.sink("127.0.0.12") as second:
        best = None
        if trouble != "refuses":
            best = world.sink("127.0.0.11").start()
            best.replies["CONNECT"] = {"421": "421 4.3.2 Not now", "554": "554 5.3.2 No mail here", "drops": "DROP"}[trouble]
        try:
            world.send("user@remote.example", message("one"))
            second.wait_for_messages()
        finally:
            if best:
                best.stop()


def test_equal_preferences_are_shared(world):
    hosts = ["127.0.0.11", "127.0.0.12", "127.0.0.13"]
    for host in hosts:
        world.host("remote.example", 10, host)
    sinks = [world.sink(host).start() for host in hosts]
    try:
        for number in range(30):
            world.send("user@remote.example", message(f"number {number}"))
            wait_until(lambda: sum(len(s.messages) for s in sinks) == number + 1, "the message")
        assert sum(bool(s.messages) for s in sinks) >= 2, [len(s.messages) for s in sinks]
    finally:
        [s.stop() for s in sinks]


def test_without_mx_the_address(world):
    world.dns.a("plain.example", "127.0.0.11")
    with world.sink() as sink:
        world.send("user@plain.example", message("one"))
        sink.wait_for_messages()


def test_mx_through_an_alias(world):
    world.dns.cname("alias.example", "remote.example")
    world.host("remote.example")
    with world.sink() as sink:
        world.send("user@alias.example", message("one"))
        assert sink.wait_for_messages()[0].recipients == ["user@alias.example"]


@pytest.mark.parametrize("case", ["null-mx", "no-such-domain", "nothing-there"])
def test_domains_that_take_no_mail_bounce_at_once(world, case):
    if case == "null-mx":
        world.dns.null_mx("remote.example")
        world.dns.a("remote.example", "127.0.0.11")
    elif case == "nothing-there":
        world.dns.txt("remote.example", "words only")
    with world.sink() as sink:
        world.send("user@remote.example", message("one"))
        notice = world.bounce()
        message_fields, [recipient] = status_of(notice)
        assert recipient["Action"] == "failed"
        assert recipient["Status"] == {"null-mx": "5.1.10", "no-such-domain": "5.1.2", "nothing-there": "5.4.4"}[case]
        assert sink.sessions == []
    wait_until(lambda: world.sims.queue() == [], "an empty queue")


def test_a_refused_recipient_comes_back_with_the_peers_words(world):
    world.host("remote.example")
    with world.sink() as sink:
        sink.replies["gone@remote.example"] = "550-5.1.1 No such\r\n550 5.1.1 person here"
        world.send(["gone@remote.example", "there@remote.example"], message("one", b"a secret body\r\n"))
        assert sink.wait_for_messages()[0].recipients == ["there@remote.example"]
        notice = world.bounce()
    message_fields, [recipient] = status_of(notice)
    assert message_fields["Reporting-MTA"].replace(" ", "") == "dns;mail.example.org"
    assert recipient["Final-Recipient"].replace(" ", "") == "rfc822;gone@remote.example"
    assert (recipient["Action"], recipient["Status"]) == ("failed", "5.1.1")
    assert recipient["Diagnostic-Code"].replace(" ", "").startswith("smtp;550")
    assert "person here" in recipient["Diagnostic-Code"]
    assert "mx11.remote.example" in recipient["Remote-MTA"]
    text, _, original = list(notice.iter_parts())
    assert "gone@remote.example" in text.get_content() and "person here" in text.get_content()
    assert original.get_content_type() == "text/rfc822-headers"
    assert "Subject: one" in original.get_content() and "secret body" not in original.get_content()


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "BODY", "CONNECT", "EHLO"])
def test_a_permanent_no_at_every_stage_bounces(world, stage):
    world.host("remote.example")
    with world.sink() as sink:
        sink.replies[stage] = "554 5.7.0 Never"
        if stage == "EHLO":
            sink.replies["HELO"] = "554 5.7.0 Never"
        world.send("user@remote.example", message("one"))
        if stage in ("CONNECT", "EHLO"):
            # A host that does not serve at all may be another's fault: giving up at once or trying again are both right.
            wait_until(lambda: sink.sessions, "an attempt")
            return
        _, [recipient] = status_of(world.bounce())
        assert recipient["Status"] == "5.7.0"
        assert sink.messages == []


@pytest.mark.parametrize("stage", ["CONNECT", "MAIL", "RCPT", "DATA", "BODY", "EHLO"])
@pytest.mark.parametrize("trouble", ["451 4.3.0 Later", "421 4.3.2 Closing", "DROP"])
def test_a_temporary_no_at_every_stage_is_tried_again(world, stage, trouble):
    world.host("remote.example")
    good = {"CONNECT": "220 sink ESMTP", "DATA": "354 Go on", "EHLO": "250 sink"}.get(stage, "250 2.0.0 Ok")
    with world.sink() as sink:
        sink.replies[stage] = [trouble, good]
        if stage == "EHLO":
            sink.replies["HELO"] = trouble
        world.send("user@remote.example", message("one"))
        sink.wait_for_messages(1, 60)
        time.sleep(0.5)
        assert len(sink.messages) == 1
    wait_until(lambda: world.sims.queue() == [], "an empty queue")
    with world.sims.pop3("joe") as pop:
        assert pop.stat()[0] == 0, "a notice about nothing"


def test_some_recipients_now_some_later(world):
    world.host("remote.example")
    with world.sink() as sink:
        sink.replies["late@remote.example"] = ["450 4.2.1 Later", "250 2.1.5 Ok"]
        sink.replies["never@remote.example"] = "550 5.1.1 No"
        world.send(["now@remote.example", "late@remote.example", "never@remote.example"], message("one"))
        messages = sink.wait_for_messages(2, 60)
        assert [m.recipients for m in messages] == [["now@remote.example"], ["late@remote.example"]]
        _, [recipient] = status_of(world.bounce())
        assert "never@" in recipient["Final-Recipient"]


def test_dns_trouble_is_tried_again(world):
    world.host("remote.example")
    world.dns.failing.add("remote.example")
    with world.sink() as sink:
        world.send("user@remote.example", message("one"))
        entry = wait_until(lambda: [q for q in world.sims.queue() if q["recipients"][0]["attempts"] > 0], "an attempt")[0]
        assert entry["recipients"][0]["state"] in ("waiting", "sending")
        world.dns.failing.clear()
        sink.wait_for_messages(1, 90)


def test_a_server_that_comes_up_later(world):
    world.host("remote.example")
    world.send("user@remote.example", message("one"))
    wait_until(lambda: world.sims.queue()[0]["recipients"][0]["attempts"] > 0, "an attempt")
    with world.sink() as sink:
        world.sims.cli("queue", "retry")
        sink.wait_for_messages(1, 60)


def test_many_recipients_of_one_host_share_a_transaction(world):
    world.host("remote.example")
    with world.sink() as sink:
        recipients = [f"user{n}@remote.example" for n in range(50)]
        world.send(recipients, message("one"))
        wait_until(lambda: sum(len(m.recipients) for m in sink.messages) == 50, "all recipients")
        assert len(sink.messages) == 1


def test_a_thousand_messages_leave(world):
    for number in range(20):
        world.host(f"d{number}.example", 10, f"127.0.0.{11 + number % 3}")
    sinks = [world.sink(f"127.0.0.{n}").start() for n in (11, 12, 13)]
    try:
        def send(worker):
            with world.sims.smtp() as client:
                client.hello()
                for number in range(100):
                    assert client.send_message("joe@example.org", [f"u{number}@d{number % 20}.example"], message(f"{worker} {number}")).code == 250

        workers = [threading.Thread(target=send, args=(w,)) for w in range(10)]
        [w.start() for w in workers]
        [w.join() for w in workers]
        wait_until(lambda: sum(len(s.messages) for s in sinks) >= 1000, "1,000 messages", 120)
        time.sleep(0.5)
        contents = [m.content.split(b"Subject: ", 1)[1].split(b"\r\n")[0] for s in sinks for m in s.messages]
        assert len(contents) == len(set(contents)) == 1000
    finally:
        [s.stop() for s in sinks]


def test_starttls_when_offered(world, certificate):
    world.host("remote.example")
    with world.sink(certificate=certificate) as sink:
        world.send("user@remote.example", message("one"))
        assert sink.wait_for_messages()[0].tls
        assert [c.split()[0] for c in sink.sessions[0].commands].count("EHLO") == 2


def test_starttls_that_fails_falls_back(world, certificate):
    """Opportunistic (RFC 7435): better in clear than not at all."""
    world.host("remote.example")
    with world.sink(certificate=certificate) as sink:
        sink.replies["STARTTLS"] = "454 4.7.0 TLS not available"
        world.send("user@remote.example", message("one"))
        assert not sink.wait_for_messages(1, 60)[0].tls


def test_helo_when_ehlo_is_unknown(world):
    world.host("remote.example")
    with world.sink() as sink:
        sink.replies["EHLO"] = "502 5.5.2 What?"
        world.send("user@remote.example", message("one"))
        sink.wait_for_messages()
        assert any(c.startswith("HELO mail.example.org") for s in sink.sessions for c in s.commands)


def test_smart_host(world):
    with world.sink() as sink:
        world.sims.set("smtp", smart_host=f"127.0.0.11:{world.port}")
        world.send(["a@one.example", "b@two.example"], message("one"))
        wait_until(lambda: sorted(r for m in sink.messages for r in m.recipients) == ["a@one.example", "b@two.example"], "both")


def test_router_sends_a_domain_to_a_host(world):
    world.sims.cli("router", "set", "/dev/stdin", input=f"backup.example = 127.0.0.11:{world.port}.smtp\n")
    with world.sink() as sink:
        world.sims.set("smtp", client_hosts="")
        world.send("user@backup.example", message("one"), sender="stranger@example.net")
        assert sink.wait_for_messages()[0].recipients == ["user@backup.example"]


# The queue.

def test_queue_list_shape_hold_release_remove(world):
    world.host("remote.example")
    world.send(["a@remote.example", "b@remote.example"], message("waits"))
    wait_until(lambda: world.sims.queue()[0]["recipients"][0]["attempts"] > 0, "an attempt")
    [entry] = world.sims.queue()
    assert {"id", "sender", "size", "received", "recipients"} <= entry.keys()
    assert entry["sender"] == "joe@example.org" and entry["size"] > len(message("waits"))
    assert entry["received"].endswith("Z")
    for recipient in entry["recipients"]:
        assert {"address", "state", "attempts", "next", "last_reply"} <= recipient.keys()
        assert recipient["state"] in ("waiting", "sending") and recipient["attempts"] >= 1
    assert entry["id"] in world.sims.cli("queue", "list").stdout
    assert "a@remote.example" in world.sims.cli("queue", "show", entry["id"]).stdout
    wait_until(lambda: world.sims.cli("queue", "hold", entry["id"], status=None).returncode == 0, "the hold")
    wait_until(lambda: {r["state"] for r in world.sims.queue()[0]["recipients"]} == {"held"}, "held")
    with world.sink() as sink:
        time.sleep(2)
        assert sink.messages == []
        world.sims.cli("queue", "release", entry["id"])
        sink.wait_for_messages(1, 60)
    world.send("x@nowhere.remote.example", message("goes"))
    world.dns.failing.add("dead.example")
    world.send("x@dead.example", message("removed"))
    entry = [e for e in wait_until(world.sims.queue, "the queue") if e["recipients"][0]["address"] == "x@dead.example"][0]
    world.sims.cli("queue", "remove", entry["id"])
    assert entry["id"] not in world.sims.cli("queue", "list").stdout
    for verb in ("show", "retry", "remove", "hold", "release"):
        assert world.sims.cli("queue", verb, "NOSUCHID", status=1).stderr.count("\n") == 1


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_queue_outlives_the_server(world, end):
    world.host("remote.example")
    texts = [message(f"number {n}", b"x" * 70 + b"\r\n" + b"y\r\n" * n * 1000) for n in range(10)]
    big = message("big", b"z" * 70 + b"\r\n" * 1_500_000)
    for text in texts + [big]:
        world.send("user@remote.example", text)
    getattr(world.sims, end)()
    world.sims.start()
    assert len(world.sims.queue()) == 11
    with world.sink() as sink:
        world.sims.cli("queue", "retry")
        messages = sink.wait_for_messages(11, 90)
        time.sleep(0.5)
        assert len(messages) == 11
        for text in texts + [big]:
            assert sum(m.content.endswith(text) and _is_trace(m.content, text) for m in messages) == 1


def test_a_peer_killed_in_the_middle_gets_it_again(world):
    world.host("remote.example")
    with world.sink() as sink:
        sink.replies["BODY"] = ["DROP", "250 2.0.0 Ok"]
        world.send("user@remote.example", message("big", b"z" * 70 + b"\r\n" * 500_000))
        assert sink.wait_for_messages(1, 60)[0].content.endswith(b"\r\n" * 500_000)


def test_given_up_after_return_after(world):
    """The shortest `return_after` is a minute."""
    world.sims.set("smtp", return_after="60s", warn_after="5s")
    world.host("remote.example")
    with world.sink() as sink:
        sink.replies["RCPT"] = "450 4.2.1 Mailbox busy"
        world.send("user@remote.example", message("one"))
        delayed = world.bounce(60)
        _, [recipient] = status_of(delayed)
        assert recipient["Action"] == "delayed" and recipient["Status"].startswith("4.")

        def second():
            with world.sims.pop3("joe") as pop:
                return pop.retrieve(2) if pop.stat()[0] > 1 else None

        raw = wait_until(second, "the final notice", 120)
        failed = email.message_from_bytes(raw, policy=email.policy.default)
        _, [recipient] = status_of(failed)
        assert recipient["Action"] == "failed" and "Mailbox busy" in recipient["Diagnostic-Code"]
    assert world.sims.queue() == []


def test_a_bounce_that_cannot_be_delivered_ends(world):
    """The null sender is never told: no loop of notices."""
    world.host("remote.example")
    with world.sink() as sink:
        sink.replies["RCPT"] = "550 5.1.1 No"
        world.send("user@remote.example", message("one"), sender="")
        wait_until(lambda: any("RCPT" in c for s in sink.sessions for c in s.commands), "the attempt")
        wait_until(lambda: world.sims.queue() == [], "an empty queue")


def test_unknown_own_user_is_not_sent_out(world):
    """A message to ourselves never leaves, whatever DNS says of our domain."""
    world.dns.mx("example.org", 10, "mx.remote.example")
    world.dns.a("mx.remote.example", "127.0.0.11")
    with world.sink() as sink:
        world.send("joe@example.org", message("home"))
        with world.sims.pop3("joe") as pop:
            assert pop.stat()[0] == 1
        assert sink.sessions == []
