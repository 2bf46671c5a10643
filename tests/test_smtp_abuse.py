"""Guests that shout, stammer or come in crowds: the SMTP server answers or hangs up, and serves the others."""
import re
import threading

import pytest

from harness.corpus import message
from harness.line_client import Closed
from harness.waiting import wait_until


def mails(shared, name):
    with shared.pop3(name) as pop:
        return [pop.retrieve(n + 1) for n in range(pop.stat()[0])]


# Long and strange lines.

VERBS = ["HELO", "EHLO", "MAIL", "MAIL FROM:", "MAIL FROM:<", "RCPT TO:<", "DATA", "BDAT", "RSET", "NOOP", "VRFY", "EXPN", "HELP", "STARTTLS", "AUTH", "QUIT", "X"]
SIZES = [500, 896, 1000, 3000, 65536, 1 << 20]


@pytest.mark.parametrize("verb", VERBS)
def test_huge_arguments(shared, verb):
    """Section 20 of the history: servers died of these. Either an answer or a clean close, and nobody else is hurt."""
    with shared.smtp() as witness:
        for size in SIZES:
            for filler in (b"x", b"<", b"@", b"\xff", b"a."):
                with shared.smtp() as client:
                    client.hello()
                    try:
                        client.send(verb.encode() + b" " + (filler * size)[:size] + b"\r\n")
                        reply = client.reply()
                        assert reply.code // 100 in ((2, 5) if verb in ("NOOP", "HELP", "VRFY", "QUIT", "HELO", "EHLO", "RSET") else (5,)), (size, reply)
                        assert len(reply.text) < 1000
                        if reply.code != 221 and size <= 65536 and reply.code != 421:
                            assert client.command("RSET").code == 250
                    except (Closed, ConnectionError):
                        # Behind a BDAT whose size cannot be read may come anything.
                        assert size > 4096 or verb == "BDAT"
        assert witness.command("NOOP").code == 250
    assert shared.running


def test_a_line_without_end(shared):
    with shared.smtp() as client:
        try:
            for _ in range(64):
                client.send(b"x" * 65536)
            client.send(b"\r\n")
            assert client.reply().code == 500
        except (Closed, ConnectionError):
            pass
    assert shared.running


def test_bytes_of_no_protocol(shared):
    for junk in (b"\0" * 1000 + b"\r\n", bytes(range(256)) + b"\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200 + b"\r\n",
                 b"GET / HTTP/1.0\r\nHost: x\r\n\r\n", b"\xff\xf4\xff\xfd\x06\r\n", b"\r\n" * 10):
        with shared.smtp() as client:
            client.send(junk)
            try:
                assert client.reply().code // 100 in (4, 5)
            except Closed:
                pass
    with shared.smtp() as client:
        assert client.hello().code == 250


# Many at once.

def test_a_hundred_guests_at_once(shared, account):
    failures = []

    def send(number):
        try:
            with shared.smtp() as client:
                client.hello()
                assert client.send_message("a@example.net", [f"{account}@example.org"], message(f"guest {number}")).code == 250
                client.quit()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=send, args=(n,)) for n in range(100)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert failures == []
    subjects = wait_until(lambda: {re.search(rb"Subject: guest (\d+)", m)[1] for m in mails(shared, account)}, "mail")
    assert len(subjects) == 100


def test_connection_limit_per_address(sims):
    sims.set("smtp", connections_per_address=3)
    clients = [sims.smtp() for _ in range(3)]
    try:
        with pytest.raises((AssertionError, Closed)):
            sims.smtp()
        clients.pop().quit()
        wait_until(lambda: _greets(sims), "a free place")
    finally:
        [c.close() for c in clients]


def _greets(sims):
    try:
        with sims.smtp():
            return True
    except (AssertionError, Closed):
        return False
