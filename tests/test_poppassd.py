"""poppassd: the dialogues of the programs that speak it, what becomes of the password, what a stranger learns."""
import socket
import time

import pytest

from harness.line_client import LineClient
from harness.pop3 import Refused
from harness.waiting import wait_until


@pytest.fixture(scope="module", autouse=True)
def no_pause(shared):
    shared.set("pwd", wrong_password_pause="0s", log_level="low-level")


def connect(sims, tls=False):
    client = LineClient(("127.0.0.1", sims.ports["poppassds" if tls else "poppassd"]), tls=tls)
    assert client.line().startswith(b"200 ")
    return client


def ask(client, line, end=b"\r\n"):
    client.send(line.encode() + end)
    return client.line().decode()


def visit(sims, name, old, new, end=b"\r\n"):
    """The replies up to the first refusal."""
    with connect(sims) as client:
        said = []
        for line in (f"user {name}", f"pass {old}", f"newpass {new}"):
            said.append(ask(client, line, end))
            if said[-1].startswith("500"):
                assert client.at_end()
                break
        return said


def assert_password(sims, name, right, *wrong):
    sims.pop3(name, right).quit()
    for password in wrong:
        with sims.pop3() as pop, pytest.raises(Refused):
            pop.login(name, password)


def test_roundcube(shared, account):
    """CRLF, one line at a time; hangs up without quit."""
    with connect(shared) as client:
        assert ask(client, f"user {account}").startswith("300 ")
        assert ask(client, f"pass secret of {account}").startswith("200 ")
        assert ask(client, "newpass a better secret").startswith("200 ")
    assert_password(shared, account, "a better secret", f"secret of {account}")


def test_horde(shared, account):
    """Lines end in LF alone; quits and reads the goodbye."""
    with connect(shared) as client:
        said = [ask(client, line, b"\n")[:3] for line in (f"user {account}", f"pass secret of {account}", "newpass a better secret", "quit")]
        assert said == ["300", "200", "200", "200"]
        assert client.at_end()
    assert_password(shared, account, "a better secret", f"secret of {account}")


def test_aurora(shared, account):
    """After a refusal it reads until the server closes."""
    address = ("127.0.0.1", shared.ports["poppassd"])
    with socket.create_connection(address, timeout=30) as client:
        said = client.recv(1000)
        for line in (f"user {account}", "pass wrong"):
            client.sendall(line.encode() + b"\r\n")
            while piece := client.recv(1000):
                said += piece
                if not said.split(b"\r\n")[-2].startswith(b"500"):
                    break
    assert [line[:3] for line in said.split(b"\r\n")] == [b"200", b"300", b"500", b""]
    assert visit(shared, account, f"secret of {account}", "a better secret")[-1].startswith("200 ")
    assert_password(shared, account, "a better secret")


def test_eudora(shared, account):
    """The oldest: names and passwords as typed, quit at the end; the whole dialogue also in one write."""
    with connect(shared) as client:
        client.send(f"USER {account.upper()}@example.org\r\nPASS secret of {account}\r\nNEWPASS a better secret\r\nQUIT\r\n".encode())
        assert [client.line()[:3] for _ in range(4)] == [b"300", b"200", b"200", b"200"]
        assert client.at_end()
    assert_password(shared, account, "a better secret", f"secret of {account}")


def test_under_tls(shared, account):
    with connect(shared, tls=True) as client:
        for line in (f"user {account}", f"pass secret of {account}", "newpass a better secret", "quit"):
            assert ask(client, line)[0] in "23"
    assert_password(shared, account, "a better secret", f"secret of {account}")


def test_a_password_may_hold_blanks_and_letters_of_the_world(shared, account):
    assert visit(shared, account, f"secret of {account}", " Zwölf Boxkämpfer ")[-1].startswith("200 ")
    assert visit(shared, account, " Zwölf Boxkämpfer ", "ÄÖÜäöüßẞ")[-1].startswith("200 ")
    assert_password(shared, account, "ÄÖÜäöüßẞ")


@pytest.mark.parametrize("new, reason", [("1234567", "at least 8"), ("ÄÖÜäöüß", "at least 8"), ("secret of {}", "old one"),
                                         ("tab\there it is", "control"), ("x" * 257, "256 bytes")])
def test_refused_with_the_reason(shared, account, new, reason):
    said = visit(shared, account, f"secret of {account}", new.format(account))
    assert len(said) == 3 and said[2].startswith("500 ") and reason in said[2]
    assert_password(shared, account, f"secret of {account}")


def test_the_minimum_is_a_setting(shared, account):
    shared.set("pwd", minimum_length="3")
    try:
        assert visit(shared, account, f"secret of {account}", "abc")[-1].startswith("200 ")
    finally:
        shared.set("pwd", minimum_length="")


def test_a_stranger_learns_nothing(shared, account):
    shared.cli("account", "set", shared.add_account(f"{account}d"), "LoginEnabled=no")
    said = {tuple(visit(shared, name, password, "a better secret"))
            for name, password in ((account, "wrong"), ("nobody.here", "wrong"), (f"{account}d", "wrong"), (f"{account}d", f"secret of {account}d"),
                                   (account, f"secret of {account} "), ("L-list", "wrong"), (f"{account}@example.com", f"secret of {account}"))}
    assert len(said) == 1
    assert said.pop()[-1].startswith("500 ")


def test_a_wrong_password_is_answered_after_the_pause(shared, account):
    shared.set("pwd", wrong_password_pause="1s")
    try:
        for name in (account, "nobody.there"):
            begin = time.monotonic()
            assert visit(shared, name, "wrong", "a better secret")[-1].startswith("500 ")
            assert time.monotonic() - begin >= 1
    finally:
        shared.set("pwd", wrong_password_pause="0s")


def test_who_guesses_is_not_listened_to_any_more(shared, account):
    """Tried all at once, since each answer waits longer than the one before."""
    clients = [connect(shared) for _ in range(25)]
    for number, client in enumerate(clients):
        client.send(f"user {account}\r\npass guess {number}\r\n".encode())
    wait_until(lambda: f"login of {account} from 127.0.0.1 failed: too many" in shared.log(), "the refusals to begin")
    assert "try again later" in visit(shared, account, f"secret of {account}", "a better secret")[-1]
    with shared.pop3() as pop, pytest.raises(Refused):
        pop.login(account, f"secret of {account}")
    shared.pop3("joe").quit()
    for client in clients:
        assert client.line().startswith(b"300 ")
        assert client.line().startswith(b"500 ")
        client.close()


def test_out_of_order_and_nonsense(shared, account):
    with connect(shared) as client:
        for line in ("pass x", "newpass a better secret", "", "stls"):
            assert ask(client, line).startswith("500 ")
        assert ask(client, "user").startswith("500 ")
        assert client.at_end()
    assert_password(shared, account, f"secret of {account}")


@pytest.mark.parametrize("verb", ["user", "pass", "newpass", "quit", "x"])
def test_long_lines(shared, account, verb):
    for size in (1000, 1024, 5000, 70000, 1 << 20):
        with connect(shared) as client:
            try:
                client.send(f"user {account}\r\npass secret of {account}\r\n{verb} ".encode() + b"x" * size + b"\r\nquit\r\n")
                while not client.at_end():
                    pass
            except ConnectionError:
                pass
            assert b"changed" not in client.buffer
    assert_password(shared, account, f"secret of {account}")


def test_the_log_says_who_and_never_the_password(shared, account):
    visit(shared, account, "hunter2", "a better secret")
    visit(shared, account, f"secret of {account}", "correct horse")
    visit(shared, account, "correct horse", "short")
    log = shared.log()
    assert f"{account} changed the password from 127.0.0.1" in log
    assert f"login of {account} from 127.0.0.1 failed" in log
    for secret in ("hunter2", "correct horse", "short\n", f"secret of {account}", "a better secret"):
        assert secret not in log


def test_too_many_connections(shared):
    shared.set("pwd", connections_per_address="1")
    try:
        with connect(shared), LineClient(("127.0.0.1", shared.ports["poppassd"])) as second:
            assert second.line().startswith(b"500 ")
            assert second.at_end()
    finally:
        shared.set("pwd", connections_per_address="")
