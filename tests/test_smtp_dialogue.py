"""What the SMTP server says to right and wrong commands, in every order (RFC 5321, 2920, 3030, 1870, 6152)."""
import re
import time

import pytest

from harness.corpus import message
from harness.line_client import Closed
from harness.mailboxes import without_trace


@pytest.fixture
def client(shared):
    with shared.smtp() as client:
        yield client


@pytest.fixture
def open_client(client):
    """After EHLO."""
    client.hello()
    return client


def mails(shared, name):
    with shared.pop3(name) as pop:
        return [pop.retrieve(n + 1) for n in range(pop.stat()[0])]


# Greeting and hello.

def test_greeting_is_one_line_that_begins_with_the_host_name(client):
    assert len(client.greeting.lines) == 1
    assert client.greeting.text.split()[0] == "mail.example.org"
    assert not re.search(r"\d+\.\d+", client.greeting.text), "a version"


def test_ehlo_names_the_extensions(client):
    reply = client.hello()
    assert reply.lines[0].split()[0] == "mail.example.org"
    assert {"PIPELINING", "8BITMIME", "SIZE", "ENHANCEDSTATUSCODES", "CHUNKING", "STARTTLS", "SMTPUTF8"} <= client.extensions.keys()
    assert int(client.extensions["SIZE"][0]) == 52428800


def test_helo_is_one_line(client):
    reply = client.command("HELO client")
    assert reply.code == 250 and len(reply.lines) == 1


@pytest.mark.parametrize("verb", ["EHLO", "HELO"])
def test_hello_wants_a_name(client, verb):
    assert client.command(verb).code == 501
    assert client.command("NOOP").code == 250


@pytest.mark.parametrize("line", ["ehlo client.example.net", "EhLo client.example.net", "EHLO [127.0.0.1]", "EHLO [IPv6:::1]",
                                  "HELO a_b", "EHLO client.example.net "])
def test_hello_in_many_forms(client, line):
    assert client.command(line).code == 250


# Order.

@pytest.mark.parametrize("line", ["MAIL FROM:<a@example.net>", "RCPT TO:<joe@example.org>", "DATA"])
def test_nothing_before_hello(client, line):
    assert client.command(line).code == 503


def test_rcpt_wants_mail_first(open_client):
    assert open_client.command("RCPT TO:<joe@example.org>").code == 503


def test_data_wants_a_recipient(open_client):
    assert open_client.command("DATA").code == 503
    assert open_client.command("MAIL FROM:<a@example.net>").code == 250
    assert open_client.command("DATA").code in (503, 554)
    assert open_client.command("RCPT TO:<nobody@example.org>").code == 550
    assert open_client.command("DATA").code in (503, 554)


def test_one_mail_at_a_time(open_client):
    assert open_client.command("MAIL FROM:<a@example.net>").code == 250
    assert open_client.command("MAIL FROM:<b@example.net>").code == 503


@pytest.mark.parametrize("forgets", ["RSET", "EHLO again.example.net", "HELO again"])
def test_reset_and_hello_forget_the_transaction(open_client, forgets):
    open_client.envelope("a@example.net", ["joe@example.org"])
    assert open_client.command(forgets).code == 250
    assert open_client.command("RCPT TO:<joe@example.org>").code == 503
    assert open_client.command("DATA").code == 503
    assert open_client.command("MAIL FROM:<b@example.net>").code == 250


def test_two_messages_on_one_connection_are_two(shared, account):
    with shared.smtp() as client:
        client.hello()
        for number in (1, 2):
            assert client.send_message("a@example.net", [f"{account}@example.org"], message(f"number {number}")).code == 250
        client.quit()
    got = mails(shared, account)
    assert [without_trace(m, message(f"number {i + 1}")) for i, m in enumerate(got)] == [message("number 1"), message("number 2")]


@pytest.mark.parametrize("line, codes", [
    ("NOOP", {250}), ("NOOP with words", {250}), ("RSET", {250}), ("HELP", {211, 214}), ("VRFY joe", {252, 502, 550}),
    ("EXPN L-list", {502, 550}), ("XYZZY", {500}), ("", {500}), (" ", {500}), ("MAIL", {501}), ("MAIL FROM", {501}),
    ("MAIL FROM:", {501}), ("MAIL FROM:<a@example.net", {501}), ("MAIL FROM:a@", {501}),
    ("MAIL FROM:<a@example.net> FOO=1", {555}), ("MAIL FROM:<a@example.net> SIZE=x", {501}),
    ("MAIL FROM:<a@example.net> BODY=9BIT", {501}), ("MAIL FROM:<@>", {501}), ("MAIL FROM:<a@-x.example>", {501}),
    ("MAIL FROM:<a b@example.net>", {501}), ("MAIL FROM:<a@exa\0mple.net>", {500, 501}), ("DATA now", {501, 503}),
    ("BDAT", {501}), ("BDAT x", {501}), ("ETRN example.org", {500, 502, 503, 459}), ("TURN", {500, 502}), ("AUTH PLAIN", {500, 502, 503, 504, 530, 538}),
    ("STARTTLS now", {501}), ("QUIT now", {221, 501}), ("helo", {501}), ("XMAIL FROM:<>", {500}), ("MAILFROM:<a@example.net>", {500, 501}),
])
def test_one_line_and_its_answer(shared, line, codes):
    with shared.smtp() as client:
        client.hello()
        assert client.command(line).code in codes


def test_paths_in_many_forms(open_client):
    for path in ("<>", "<a@example.net>", "<\"a b\"@example.net>", "<\"a\\\"b\"@example.net>", "<@r.example,@s.example:a@example.net>",
                 "<a+b/c=d@example.net>", "<a@[192.0.2.1]>", "<a@[IPv6:2001:db8::1]>", "<A@EXAMPLE.NET>"):
        reply = open_client.command(f"MAIL FROM:{path}")
        assert reply.code == 250, (path, reply)
        assert open_client.command("RSET").code == 250
    assert open_client.command("mail from:<a@example.net> size=100 body=8bitmime").code == 250
    for path in ("<joe@example.org>", "<JOE@Example.Org>", "<\"joe\"@example.org>", "<joe@example.org.>", "<Postmaster>", "<postmaster@example.org>",
                 "<@example.org:joe@example.org>"):
        reply = open_client.command(f"RCPT TO:{path}")
        assert reply.code == 250, (path, reply)


def test_replies_have_enhanced_codes(open_client):
    for line in ("RSET", "MAIL FROM:<a@example.net>", "RCPT TO:<nobody@example.org>", "RCPT TO:<joe@example.org>", "XYZZY", "RCPT"):
        reply = open_client.command(line)
        assert reply.enhanced and reply.enhanced[0] == str(reply.code)[0], reply


def test_quit_closes(client):
    client.quit()


def test_a_guest_who_only_talks_nonsense_is_shown_out(client):
    with pytest.raises((Closed, AssertionError)):
        for _ in range(200):
            assert client.command("NONSENSE").code == 500
    assert client.at_end()


# Pipelining.

def test_a_whole_transaction_in_one_write(shared, account):
    with shared.smtp() as client:
        client.hello()
        client.send(f"MAIL FROM:<a@example.net>\r\nRCPT TO:<{account}@example.org>\r\nRCPT TO:<nobody@example.org>\r\nDATA\r\n".encode())
        assert [client.reply().code for _ in range(4)] == [250, 250, 550, 354]
        client.send(b"Subject: x\r\n\r\nbody\r\n.\r\nMAIL FROM:<b@example.net>\r\nRSET\r\nQUIT\r\n")
        assert [client.reply().code for _ in range(4)] == [250, 250, 250, 221]
        assert client.at_end()
    assert len(mails(shared, account)) == 1


def test_everything_at_once_even_the_message(shared, account):
    """Not allowed by RFC 2920 but seen: the server must stay in step."""
    with shared.smtp() as client:
        one = f"MAIL FROM:<a@example.net>\r\nRCPT TO:<{account}@example.org>\r\nDATA\r\nSubject: x\r\n\r\nbody\r\n.\r\n".encode()
        client.send(b"EHLO x.example.net\r\n" + one * 20 + b"QUIT\r\n")
        assert [client.reply().code for _ in range(82)] == [250] + [250, 250, 354, 250] * 20 + [221]
    assert len(mails(shared, account)) == 20


def test_a_thousand_noops_in_one_write(client):
    client.send(b"NOOP\r\n" * 1000)
    assert {client.reply().code for _ in range(1000)} == {250}


def test_byte_by_byte(shared, account):
    with shared.smtp() as client:
        text = f"EHLO x.example.net\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<{account}@example.org>\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n"
        for byte in text.encode():
            client.send(bytes([byte]))
        assert [client.reply().code for _ in range(6)] == [250, 250, 250, 354, 250, 221]
    assert mails(shared, account)[0].endswith(b"Subject: x\r\n\r\n.dot\r\n")


def test_data_refused_in_a_pipeline_does_not_swallow_commands(open_client):
    open_client.send(b"MAIL FROM:<a@example.net>\r\nRCPT TO:<nobody@example.org>\r\nDATA\r\nNOOP\r\n")
    codes = [open_client.reply().code for _ in range(4)]
    assert codes[:2] == [250, 550] and codes[2] in (503, 554) and codes[3] == 250


# The end of data, and what only looks like it.

NO_ENDS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n.\r", b"\r.\n", b"\r\r\n.\r\r\n", b"\r\n\0.\r\n",
           b"\r\n.\0\r\n", b"\r\n.\r\r\n", b"\x85.\x85", b"\xe2\x80\xa8.\xe2\x80\xa8", b"\r\n.\x0b\r\n", b"\r\n. \r\n", b"\r\n.\t\r\n"]


@pytest.mark.parametrize("ending", NO_ENDS, ids=[repr(e)[2:-1] for e in NO_ENDS])
def test_no_smuggling(shared, ending):
    """RFC 5321 2.3.8, SMTP smuggling: only CR LF . CR LF ends the data, and a bare CR or LF is refused after it."""
    shared.add_account(name := f"smuggle{NO_ENDS.index(ending)}")
    with shared.smtp() as client:
        client.hello()
        assert client.envelope("a@example.net", [f"{name}@example.org"]).code == 250
        assert client.command("DATA").code == 354
        smuggled = f"MAIL FROM:<evil@example.net>\r\nRCPT TO:<{name}@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n"
        client.send(b"Subject: outer\r\n\r\nbody" + ending + smuggled.encode())
        client.send(b"\r\n.\r\nNOOP\r\n")
        verdict = client.reply()
        bare = re.search(rb"\r(?!\n)|(?<!\r)\n", ending)
        assert verdict.code // 100 == (5 if bare else 2), verdict
        assert client.reply().code == 250, "out of step"
        client.quit()
    got = mails(shared, name)
    assert len(got) == (0 if bare else 1)


@pytest.mark.parametrize("body", [b"a\rb\r\n", b"a\nb\r\n", b"\ra\r\n", b"a\r\r\n", b"a\n\r\n", b"\n", b"\r"])
def test_bare_cr_and_lf_are_refused_after_the_true_end(shared, account, body):
    with shared.smtp() as client:
        client.hello()
        client.envelope("a@example.net", [f"{account}@example.org"])
        assert client.command("DATA").code == 354
        client.send(b"Subject: x\r\n\r\n" + body + b"more\r\n" * 20000 + b".\r\n")
        assert client.reply().code // 100 == 5
        assert client.send_message("a@example.net", [f"{account}@example.org"], message("after")).code == 250
        client.quit()
    assert [without_trace(m, message("after")) for m in mails(shared, account)] == [message("after")]


@pytest.mark.parametrize("line", [b"NOOP\n", b"MAIL FROM:<a@example.net>\n"])
def test_a_command_with_a_bare_lf_is_refused(open_client, line):
    open_client.send(line + b"NOOP\r\n")
    first = open_client.reply()
    assert first.code == 500
    second = open_client.reply()
    assert second.code == 250 or second.code == 421


def test_the_end_in_pieces(shared, account):
    with shared.smtp() as client:
        client.hello()
        client.envelope("a@example.net", [f"{account}@example.org"])
        client.command("DATA")
        for piece in (b"Subject: x\r\n\r\nbody\r", b"\n", b".", b"\r", b"\n"):
            client.send(piece)
            time.sleep(0.05)
        assert client.reply().code == 250


def test_a_dropped_connection_delivers_nothing(shared, account):
    with shared.smtp() as client:
        client.hello()
        client.envelope("a@example.net", [f"{account}@example.org"])
        client.command("DATA")
        client.send(b"Subject: half\r\n\r\nbody\r\n")
    with shared.smtp() as client:
        client.hello()
        client.envelope("a@example.net", [f"{account}@example.org"])
        client.command("DATA")
        client.send(b"Subject: half\r\n\r\nbody\r\n.\r")
    time.sleep(0.3)
    assert mails(shared, account) == []


# BDAT.

def bdat(client, chunks):
    """Each chunk's reply code; the last chunk is LAST."""
    codes = []
    for index, chunk in enumerate(chunks):
        client.send(b"BDAT %d%s\r\n" % (len(chunk), b" LAST" if index + 1 == len(chunks) else b"") + chunk)
        codes.append(client.reply().code)
    return codes


@pytest.mark.parametrize("sizes", [[], [1], [7, 7], [100], [10000], [0, 5, 0]])
def test_bdat_in_chunks(shared, account, sizes):
    text = message("bdat", b".\r\n.\r\nFrom x\r\n" + b"line\r\n" * 5000)
    chunks, at = [], 0
    for size in sizes:
        chunks.append(text[at:at + size])
        at += size
    chunks.append(text[at:])
    with shared.smtp() as client:
        client.hello()
        client.envelope("a@example.net", [f"{account}@example.org"])
        assert set(bdat(client, chunks)) == {250}
        client.quit()
    assert [without_trace(m, text) for m in mails(shared, account)] == [text]


def test_bdat_last_of_nothing_ends_the_message(shared, account):
    with shared.smtp() as client:
        client.hello()
        client.envelope("a@example.net", [f"{account}@example.org"])
        assert bdat(client, [message("zero"), b""]) == [250, 250]
        assert client.command("RCPT TO:<joe@example.org>").code == 503
    assert len(mails(shared, account)) == 1


def test_bdat_pipelined(shared, account):
    text = message("piped")
    with shared.smtp() as client:
        client.hello()
        client.send(f"MAIL FROM:<a@example.net>\r\nRCPT TO:<{account}@example.org>\r\nBDAT 10\r\n".encode() + text[:10] +
                    b"BDAT %d LAST\r\n" % (len(text) - 10) + text[10:] + b"QUIT\r\n")
        assert [client.reply().code for _ in range(5)] == [250, 250, 250, 250, 221]
    assert len(mails(shared, account)) == 1


def test_a_refused_chunk_is_read_over(open_client):
    """RFC 3030: the octets follow whatever the server thinks of them."""
    chunk = b"MAIL FROM:<evil@example.net>\r\n" * 10
    open_client.send(b"BDAT %d\r\n" % len(chunk) + chunk + b"NOOP\r\n")
    assert open_client.reply().code == 503
    assert open_client.reply().code == 250
    open_client.send(b"MAIL FROM:<a@example.net>\r\nRCPT TO:<nobody@example.org>\r\nBDAT %d LAST\r\n" % len(chunk) + chunk + b"NOOP\r\n")
    codes = [open_client.reply().code for _ in range(4)]
    assert codes[1] == 550 and codes[2] in (503, 554) and codes[3] == 250


def test_bdat_and_data_do_not_mix(open_client):
    open_client.envelope("a@example.net", ["joe@example.org"])
    open_client.send(b"BDAT 4\r\nx: y")
    assert open_client.reply().code == 250
    assert open_client.command("DATA").code == 503
    assert open_client.command("RSET").code == 250


def test_bare_lf_in_a_chunk_is_refused(shared, account):
    with shared.smtp() as client:
        client.hello()
        client.envelope("a@example.net", [f"{account}@example.org"])
        codes = bdat(client, [b"Subject: x\n\nbody\n"])
        assert codes[-1] // 100 == 5
        assert client.command("NOOP").code == 250
    assert mails(shared, account) == []


# Size.

def test_declared_size_over_the_limit_is_refused_at_mail(open_client):
    assert open_client.command("MAIL FROM:<a@example.net> SIZE=99999999999").code == 552
    assert open_client.command("MAIL FROM:<a@example.net> SIZE=1000").code == 250


def test_a_message_over_the_limit_is_refused_in_step(sims):
    sims.add_account("joe")
    sims.set("smtp", message_size=20000)
    with sims.smtp() as client:
        client.hello()
        assert client.extensions["SIZE"] == ["20000"]
        assert client.send_message("a@example.net", ["joe@example.org"], message("big", b"x" * 70 + b"\r\n" * 100000)).code == 552
        client.envelope("a@example.net", ["joe@example.org"])
        assert bdat(client, [b"x" * 78 + b"\r\n"] * 300)[-1] in (552, 503)
        assert client.send_message("a@example.net", ["joe@example.org"], message("fits")).code == 250
        client.quit()
    assert sims.pop3("joe").stat()[0] == 1


def test_too_many_recipients(sims):
    sims.add_account("joe")
    sims.set("smtp", recipients=5)
    with sims.smtp() as client:
        client.hello()
        assert client.command("MAIL FROM:<a@example.net>").code == 250
        codes = [client.command("RCPT TO:<joe@example.org>").code for _ in range(7)]
        assert codes[:5] == [250] * 5 and codes[5:] == [452] * 2
        assert client.data(message("some")).code == 250


def test_utf8_addresses_need_smtputf8(open_client):
    assert open_client.command("MAIL FROM:<grüße@example.net>").code // 100 == 5
    assert open_client.command("MAIL FROM:<grüße@example.net> SMTPUTF8").code == 250
    assert open_client.command("RCPT TO:<joe@example.org>").code == 250


# STARTTLS.

def test_starttls_starts_anew(shared, account):
    with shared.smtp() as client:
        client.hello()
        client.command("MAIL FROM:<a@example.net>")
        client.command("RSET")
        client.starttls()
        assert client.command("MAIL FROM:<a@example.net>").code == 503, "what was said before TLS must be forgotten"
        client.hello()
        assert "STARTTLS" not in client.extensions
        assert client.command("STARTTLS").code // 100 == 5
        assert client.send_message("a@example.net", [f"{account}@example.org"], message("tls")).code == 250
        client.quit()
    [got] = mails(shared, account)
    assert b"with ESMTPS" in got


def test_commands_injected_before_the_handshake_are_dropped(shared):
    """CVE-2011-0411: what is pipelined behind STARTTLS in clear must not run inside TLS."""
    with shared.smtp() as client:
        client.hello()
        client.send(b"STARTTLS\r\nRSET\r\nEHLO evil\r\n")
        assert client.reply().code == 220
        client.buffer = b""
        try:
            client.wrap()
            client.send(b"NOOP\r\n")
            assert client.reply().code == 250
            client.socket.settimeout(0.3)
            with pytest.raises(TimeoutError):
                client.more()
        except OSError:
            pass  # refusing such a guest is right, too
