"""Logging in by SMTP, and what it opens (RFC 4954, 6409)."""
import base64
import hashlib
import hmac
import os
import smtplib
import ssl
import subprocess

import pytest

from harness.corpus import message
from harness.ports import free_port
from harness.server import Server
from harness.smtp import Smtp

UNVERIFIED = ssl._create_unverified_context()
FOREIGN = "a@example.com"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("auth") / "base")
    for name in ("submission", "submissions"):
        server.ports[name] = free_port()
        server.settings["listen"][name] = [f"127.0.0.1:{server.ports[name]}"]
    with server:
        for name in ("joe", "ann"):
            server.add_account(name)
        server.add_account("boss")
        server.cli("account", "set", "boss", "Administrator=yes")
        yield server


def connect(sims, door="submission", **options):
    client = Smtp(("127.0.0.1", sims.ports[door]), **options)
    client.hello()
    return client


def secured(sims, door="submission"):
    client = connect(sims, door)
    client.starttls()
    client.hello()
    return client


def b64(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def scram(client, name, password):
    """A whole SCRAM-SHA-256 exchange; the last reply."""
    nonce = b64(os.urandom(18))
    first = f"n={name},r={nonce}"
    reply = client.command("AUTH SCRAM-SHA-256 " + b64("n,," + first))
    assert reply.code == 334, reply
    challenge = base64.b64decode(reply.text).decode()
    said = dict(part.split("=", 1) for part in challenge.split(","))
    assert said["r"].startswith(nonce) and said["r"] != nonce
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(said["s"]), int(said["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    final = f"c=biws,r={said['r']}"
    signed = ",".join((first, challenge, final)).encode()
    signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
    proof = bytes(a ^ b for a, b in zip(key, signature))
    reply = client.command(b64(f"{final},p={b64(proof)}"))
    if reply.code != 334:
        return reply
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    assert base64.b64decode(reply.text).decode() == "v=" + b64(hmac.digest(server_key, signed, "sha256"))
    return client.command("")


@pytest.mark.parametrize("mechanism", ["plain", "login"])
@pytest.mark.parametrize("door", ["smtp", "submission", "submissions"])
def test_smtplib(shared, door, mechanism):
    kind = smtplib.SMTP_SSL if door == "submissions" else smtplib.SMTP
    options = {"context": UNVERIFIED} if door == "submissions" else {}
    with kind("127.0.0.1", shared.ports[door], **options) as client:
        if door != "submissions":
            client.starttls(context=UNVERIFIED)
        client.ehlo()
        client.user, client.password = "joe", "secret of joe"
        assert client.auth(mechanism, getattr(client, f"auth_{mechanism}"))[0] == 235
        assert client.sendmail("joe@example.org", ["ann@example.org"], message(f"{door} {mechanism}")) == {}
    with shared.pop3("ann") as pop:
        got = [pop.retrieve(n + 1) for n in range(pop.stat()[0])]
    assert b"with ESMTPSA" in got[-1]


@pytest.mark.parametrize("name", ["joe", "JOE", "joe@example.org"])
def test_relaying_needs_a_login(shared, name):
    with secured(shared, "smtp") as client:
        assert client.envelope("joe@example.org", [FOREIGN]).enhanced == "5.7.1"
        client.command("RSET")
        assert client.login(name, "secret of joe").code == 235
        assert client.envelope("joe@example.org", [FOREIGN]).code == 250


@pytest.mark.parametrize("door", ["smtp", "submission"])
def test_scram(shared, door):
    with secured(shared, door) as client:
        assert "SCRAM-SHA-256" in client.extensions["AUTH"] and "SCRAM-SHA-256-PLUS" in client.extensions["AUTH"]
        assert scram(client, "joe", "secret of joe").code == 235
        assert client.envelope("joe@example.org", [FOREIGN]).code == 250


@pytest.mark.parametrize("name,password", [("joe", "wrong"), ("nobody", "secret of nobody")])
def test_scram_refused(shared, name, password):
    with secured(shared) as client:
        assert scram(client, name, password).enhanced == "5.7.8"
        assert client.command("MAIL FROM:<joe@example.org>").code == 530


def test_nothing_in_clear(shared):
    with connect(shared) as client:
        assert "AUTH" not in client.extensions and "STARTTLS" in client.extensions
        for line in ("MAIL FROM:<joe@example.org>", "AUTH PLAIN", "AUTH SCRAM-SHA-256", "VRFY joe"):
            assert (client.command(line).code, client.command("NOOP").code) == (530, 250)
        assert client.login("joe", "secret of joe").code == 530
    with connect(shared, "smtp") as client:
        assert not {"PLAIN", "LOGIN"} & set(client.extensions["AUTH"])
        assert client.login("joe", "secret of joe").code == 538
        assert client.envelope("joe@example.org", [FOREIGN]).enhanced == "5.7.1"


def test_no_mail_without_login(shared):
    with secured(shared) as client:
        assert client.command("MAIL FROM:<joe@example.org>").code == 530
    with connect(shared, "submissions", tls=True) as client:
        assert client.command("MAIL FROM:<>").code == 530


def test_login_behind_starttls_in_clear(shared):
    with connect(shared) as client:
        client.send(b"STARTTLS\r\nEHLO x\r\nAUTH PLAIN " + b64("\0joe\0secret of joe").encode() + b"\r\n")
        assert client.reply().code == 220
        client.wrap()
        client.hello()
        assert client.command("MAIL FROM:<joe@example.org>").code == 530


@pytest.mark.parametrize("account,sender,code", [
    ("joe", "joe@example.org", 250), ("joe", "JOE@Example.Org", 250), ("joe", "joe+tag@example.org", 250), ("joe", "", 250),
    ("joe", "ann@example.org", 550), ("joe", "joe@example.com", 550), ("joe", "joey@example.org", 550),
    ("boss", "ann@example.org", 250), ("boss", "list@example.org", 250), ("boss", "ann@example.com", 550),
])
def test_whose_address(shared, account, sender, code):
    with secured(shared) as client:
        assert client.login(account, f"secret of {account}").code == 235
        assert client.command(f"MAIL FROM:<{sender}>").code == code


def test_three_failures(shared):
    with secured(shared) as client:
        assert [client.login("joe", "wrong").code for _ in range(3)] == [535, 535, 421]
        assert client.at_end()
    assert "login of joe from 127.0.0.1 failed" in shared.log()
    assert "secret of" not in shared.log() and b64("\0joe\0wrong") not in shared.log()


def test_who_may_not_log_in(shared):
    shared.add_account("gone")
    shared.cli("account", "set", "gone", "LoginEnabled=no")
    with secured(shared) as client:
        assert client.login("gone", "secret of gone").code == 535
        assert scram(client, "gone", "secret of gone").code == 535


def test_a_new_password_counts_at_once(shared):
    shared.add_account("fickle", "one")
    with secured(shared) as client:
        assert scram(client, "fickle", "one").code == 235
    shared.cli("account", "passwd", "fickle", "--password-stdin", input="two\n")
    with secured(shared) as client:
        assert scram(client, "fickle", "one").code == 535
        assert client.login("fickle", "one").code == 535
        assert scram(client, "fickle", "two").code == 235


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks(shared, mechanism):
    done = subprocess.run(["swaks", "--server", f"127.0.0.1:{shared.ports['submission']}", "--tls", "--auth", mechanism,
                           "--auth-user", "joe", "--auth-password", "secret of joe", "--from", "joe@example.org",
                           "--to", "ann@example.org"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
