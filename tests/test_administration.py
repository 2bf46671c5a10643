"""Accounts, settings, Router, mirrors, domains by the command line; the same by the API."""
import base64
import http.client
import json
import re
import socket

import pytest

from harness.corpus import message
from harness.pop3 import Refused
from harness.waiting import wait_until


def names(sims):
    return [a["UserName"] for a in sims.json("account", "list")]


# Accounts.

def test_account_list_shape(shared):
    accounts = shared.json("account", "list")
    for account in accounts:
        assert {"UserName", "FullName", "AccountEnabled", "LoginEnabled", "SizeLimit", "APOPrequired", "NotifyMode", "NotifyAddress",
                "messages", "bytes", "last_login"} <= account.keys()
        assert isinstance(account["messages"], int) and isinstance(account["bytes"], int)
    assert {"Postmaster", "joe", "ann"} <= set(names(shared))


def test_account_life(shared):
    shared.add_account("tom")
    assert shared.mailbox("tom").stat().st_size == 0
    assert shared.json("account", "show", "TOM")["UserName"] == "tom"
    shared.cli("account", "set", "tom", "FullName=Tom Thumb", "SizeLimit=5000")
    shown = shared.json("account", "show", "tom")
    assert (shown["FullName"], int(shown["SizeLimit"])) == ("Tom Thumb", 5000)
    shared.deliver("tom", message("kept"))
    shared.cli("account", "rename", "tom", "timothy")
    assert "tom" not in names(shared) and not shared.mailbox("tom").exists()
    with shared.pop3("timothy", "secret of tom") as pop:
        assert pop.stat()[0] == 1
    shared.cli("account", "remove", "timothy")
    assert "timothy" not in names(shared) and not shared.mailbox("timothy").exists()
    with shared.smtp() as client:
        client.hello()
        client.command("MAIL FROM:<a@example.net>")
        assert client.command("RCPT TO:<timothy@example.org>").code == 550


def test_last_login(shared, account):
    assert shared.json("account", "show", account)["last_login"] is None
    shared.pop3(account).quit()
    login = wait_until(lambda: shared.json("account", "show", account)["last_login"], "the login")
    assert login["address"] == "127.0.0.1" and login["service"] == "pop" and login["time"].endswith("Z")


def test_messages_and_bytes(shared, account):
    shared.deliver(account, message("one"))
    shown = shared.json("account", "show", account)
    assert shown["messages"] == 1 and shown["bytes"] == shared.mailbox(account).stat().st_size


@pytest.mark.parametrize("name", [".x", "x.", "a/b", "../x", "a b", "", "x" * 65, "a\nb", "ä", "x.lock", "-", "a@b@c", "joe", "JOE", "x@nowhere.example"])
def test_bad_account_names(shared, name):
    before = names(shared)
    done = shared.cli("account", "add", "--password-stdin", "--", name, input="secret secret\n", status=None)
    assert done.returncode in ((0, 1) if name == "-" else (1, 2)), done
    assert done.returncode == 0 or done.stderr
    if done.returncode:
        assert names(shared) == before
    else:
        shared.cli("account", "remove", "--", name)


@pytest.mark.parametrize("words", [["show", "nobody"], ["remove", "nobody"], ["rename", "nobody", "x"], ["rename", "joe", "ann"],
                                   ["set", "nobody", "FullName=x"], ["set", "joe", "Nonsense=x"], ["set", "joe", "SizeLimit=many"]])
def test_refused_account_commands(shared, words):
    done = shared.cli("account", *words, status=1)
    assert done.stdout == "" and done.stderr.count("\n") == 1
    error = json.loads(shared.cli("account", *words, "--json", status=1).stderr)["error"]
    assert error["code"] and error["message"]


def test_postmaster_stays(shared):
    shared.cli("account", "remove", "Postmaster", status=1)
    assert "Postmaster" in names(shared)


def test_removing_an_account_that_is_being_read(shared, account):
    with shared.pop3(account):
        shared.cli("account", "remove", account, status=1)
    assert account in names(shared)


def test_accounts_outlive_the_server(sims):
    sims.add_account("joe")
    sims.set("smtp", message_size=30000)
    sims.kill()
    sims.start()
    sims.pop3("joe").quit()
    with sims.smtp() as client:
        client.hello()
        assert client.extensions["SIZE"] == ["30000"]


# Settings.

def test_settings_show_and_set(sims):
    shown = json.dumps(sims.json("settings", "show", "smtp"))
    for key in ("client_hosts", "message_size", "retry_schedule", "return_after", "smart_host"):
        assert key in shown
    text = sims.cli("settings", "show", "pop").stdout
    assert "idle_timeout" in text and "10m" in text
    sims.set("pop", idle_timeout="900s")
    assert "15m" in sims.cli("settings", "show", "pop").stdout
    for service, change in (("smtp", "nonsense=1"), ("nonsense", "x=1"), ("smtp", "message_size=big"), ("smtp", "retry_schedule=soon"),
                            ("smtp", "client_hosts=300.1.1.1"), ("pop", "idle_timeout=-5")):
        assert sims.cli("settings", "set", service, change, status=1).stderr.count("\n") == 1


# Router, mirrors, domains.

def test_router(sims):
    sims.add_account("joe")
    table = "; our aliases\n<sales> = joe\nold.example   =   example.org\n<*-list> = joe\n<gone> = ERROR:moved away\nlan.example = NULL\n"
    sims.cli("router", "set", "/dev/stdin", input=table)
    assert sims.cli("router", "show").stdout == table
    result = sims.json("router", "test", "sales@example.org")
    assert {"address", "steps", "results", "relay"} <= result.keys()
    [target] = result["results"]
    assert (target["kind"], target["account"], result["relay"]) == ("account", "joe", True)
    assert [(s["by"], s.get("line")) for s in result["steps"] if s["by"] == "record"] == [("record", 2)]
    assert sims.json("router", "test", "joe@old.example")["results"][0]["account"] == "joe"
    assert sims.json("router", "test", "x@example.com")["results"][0]["kind"] == "smtp"
    assert sims.json("router", "test", "x@example.com")["relay"] is False
    assert sims.json("router", "test", "x@lan.example")["results"][0]["kind"] == "discard"
    assert sims.json("router", "test", "gone@example.org")["results"][0]["kind"] == "refuse"
    assert sims.json("router", "test", "nobody@example.org")["results"][0]["kind"] == "refuse"
    sims.set("smtp", client_hosts="10.0.0.1")
    assert sims.json("router", "test", "x@example.com", "--from-ip", "10.0.0.1")["relay"] is True
    with sims.smtp() as client:
        client.hello()
        client.command("MAIL FROM:<a@example.net>")
        reply = client.command("RCPT TO:<gone@example.org>")
        assert reply.code == 550 and "moved away" in reply.text
        for address in ("sales@example.org", "joe@old.example", "any-list@example.org", "x@lan.example"):
            assert client.command(f"RCPT TO:<{address}>").code == 250, address
        assert client.data(message("routed")).code == 250
    # One copy, and one more with X-Real-To for what came by a wild card.
    with sims.pop3("joe") as pop:
        assert [b"X-Real-To:" in pop.retrieve(n + 1) for n in range(pop.stat()[0])].count(False) == 1


def test_a_faulty_router_table_is_refused_whole(sims):
    sims.cli("router", "set", "/dev/stdin", input="<sales> = Postmaster\n")
    done = sims.cli("router", "set", "/dev/stdin", input="<fine> = Postmaster\nthis is no record\n<a = b\n", status=1)
    assert "line 2" in done.stderr and "line 3" in done.stderr
    assert sims.cli("router", "show").stdout == "<sales> = Postmaster\n"


def test_unified_domain_gets_x_real_to(sims):
    sims.add_account("box")
    sims.cli("router", "set", "/dev/stdin", input="<*@client.example> = Box.local\nclient.example = box.local\n")
    sims.deliver("anyone@client.example", message("unified"))
    with sims.pop3("box") as pop:
        assert re.search(rb"(?m)^X-Real-To: .*anyone", pop.retrieve(1))


def test_mirrors(sims, tmp_path):
    for name in ("joe", "ann", "bob"):
        sims.add_account(name)
    members = tmp_path / "team"
    members.write_text("# the team\njoe, ann\nbob@example.org\njoe@example.org\n")
    sims.cli("mirror", "set", "L-team", members)
    assert "L-team" in sims.cli("mirror", "list").stdout
    assert "bob@example.org" in sims.cli("mirror", "show", "L-team").stdout
    sims.deliver("L-team", message("to all"))
    for name in ("joe", "ann", "bob"):
        with sims.pop3(name) as pop:
            assert pop.stat()[0] == 1, name
            assert pop.retrieve(1).startswith(b"Return-Path: <sender@example.net>")
    with sims.pop3() as pop, pytest.raises(Refused):
        pop.login("L-team", "x")
    # The list is a file people edit.
    (sims.base / "Accounts/L-team").write_text("ann\n")
    sims.deliver("L-team", message("to ann"))
    with sims.pop3("ann") as pop:
        assert pop.stat()[0] == 2
    # A mirror that names itself, through another, ends.
    members.write_text("L-team2\nbob\n")
    sims.cli("mirror", "set", "L-team", members)
    members.write_text("L-team\nann\n")
    sims.cli("mirror", "set", "L-team2", members)
    sims.deliver("L-team", message("in a ring"))
    with sims.pop3("ann") as pop:
        assert pop.stat()[0] == 3
    sims.cli("mirror", "remove", "L-team")
    assert sims.json("router", "test", "L-team@example.org")["results"][0]["kind"] == "refuse"


def test_a_further_domain(sims):
    sims.cli("domain", "add", "second.example")
    assert "second.example" in sims.cli("domain", "list").stdout
    sims.add_account("joe")
    sims.cli("account", "add", "joe@second.example", "--password-stdin", input="another secret\n")
    sims.deliver("joe@second.example", message("second"))
    assert (sims.base / "Domains/second.example/Accounts/joe").stat().st_size > 0
    with sims.pop3("joe@second.example", "another secret") as pop:
        assert pop.stat()[0] == 1
    with sims.pop3("joe") as pop:
        assert pop.stat()[0] == 0


# API.

class Api(http.client.HTTPConnection):
    """HTTP over control.sock, or over the admin port with a login."""

    def __init__(self, sims, login=None):
        super().__init__("127.0.0.1", sims.ports["admin"], timeout=30)
        self.path = None if login is not None else str(sims.base / "control.sock")
        self.login = login

    def connect(self):
        if self.path is None:
            return super().connect()
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)

    def ask(self, method, path, body=None):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self.login:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(self.login).encode()).decode()
        self.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = self.getresponse()
        return response.status, response.read()


def test_api_lists_accounts_as_the_command_line_does(shared):
    status, body = Api(shared).ask("GET", "/api/v1/accounts")
    assert status == 200
    listed = json.loads(body)
    listed = listed if isinstance(listed, list) else listed["accounts"]
    assert [a["UserName"] for a in listed] == names(shared)


def test_api_wants_a_login_on_the_network(shared, account):
    assert Api(shared, ()).ask("GET", "/api/v1/accounts")[0] == 401
    assert Api(shared, ("Postmaster", "wrong")).ask("GET", "/api/v1/accounts")[0] == 401
    assert Api(shared, (account, f"secret of {account}")).ask("GET", "/api/v1/accounts")[0] in (401, 403)
    assert Api(shared, ("Postmaster", shared.postmaster_password)).ask("GET", "/api/v1/accounts")[0] == 200


def test_health_metrics_openapi(shared):
    assert Api(shared, ()).ask("GET", "/healthz")[0] == 200
    status, body = Api(shared).ask("GET", "/metrics")
    assert status == 200 and re.search(rb"(?m)^sims_\w+", body)
    status, body = Api(shared).ask("GET", "/api/v1/openapi.json")
    assert status == 200 and json.loads(body)["openapi"].startswith("3.")


def test_api_errors(shared):
    assert Api(shared).ask("GET", "/api/v1/nonsense")[0] == 404
    assert Api(shared).ask("GET", "/../../etc/passwd")[0] in (400, 404)
    status, body = Api(shared).ask("GET", "/api/v1/accounts/nobody")
    assert status == 404 and json.loads(body)["error"]["message"]


def test_nonsense_on_the_admin_port(shared):
    for junk in (b"\0" * 1000 + b"\r\n\r\n", b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n",
                 b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10000 + b"\r\n"):
        with socket.create_connection(("127.0.0.1", shared.ports["admin"]), 20) as client:
            try:
                client.sendall(junk)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
            except OSError:  # the server closed first, by whatever name
                pass
    assert Api(shared, ()).ask("GET", "/healthz")[0] == 200
