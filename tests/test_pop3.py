"""POP3 (RFC 1939, 2449): what each command means for the mailbox, now and after."""
import re
import shutil
import threading
import time

import pytest

from harness.corpus import message
from harness.line_client import Closed
from harness.pop3 import Refused
from harness.waiting import wait_until


@pytest.fixture
def box(shared, account):
    """An account with three messages."""
    for number in (1, 2, 3):
        shared.deliver(account, message(f"number {number}", b"line\r\n" * number * 10))
    return account


def subjects(pop):
    return [int(re.search(rb"Subject: number (\d+)", pop.retrieve(n + 1))[1]) for n in range(pop.stat()[0])]


def test_greeting_and_capabilities(shared):
    with shared.pop3() as pop:
        capabilities = {line.split()[0]: line.split()[1:] for line in pop.listing("CAPA")}
        assert {"USER", "TOP", "UIDL", "PIPELINING", "RESP-CODES", "STLS"} <= capabilities.keys()
        assert pop.quit() is not None


def test_login_rules(shared, box):
    with shared.pop3() as pop:
        for line in ("STAT", "LIST", "RETR 1", "DELE 1", "UIDL", "NOOP", "PASS x"):
            with pytest.raises(Refused):
                pop.command(line)
        pop.login(box, f"secret of {box}")
        with pytest.raises(Refused):
            pop.command(f"USER {box}")
    for name, password in ((box, "wrong"), ("nobody", "wrong"), (box, ""), (box, f"secret of {box} "), ("", "x"), (f"{box}@example.com", f"secret of {box}")):
        with shared.pop3() as pop, pytest.raises(Refused) as refusal:
            pop.login(name, password)
        assert "nobody" not in str(refusal.value)
    for name in (box.upper(), f"{box}@example.org", f"{box}@EXAMPLE.ORG"):
        shared.pop3(name, f"secret of {box}").quit()


def test_wrong_name_and_wrong_password_read_the_same(shared, box):
    said = set()
    for name in (box, "nobody"):
        with shared.pop3() as pop, pytest.raises(Refused) as refusal:
            pop.login(name, "wrong")
        said.add(re.sub(r"\[?\w{4,}\]?$", "", str(refusal.value)))
    assert len(said) == 1


def test_disabled_login(shared, account):
    shared.cli("account", "set", account, "LoginEnabled=no")
    with shared.pop3() as pop, pytest.raises(Refused):
        pop.login(account, f"secret of {account}")


def test_stat_list_uidl_agree(shared, box):
    with shared.pop3(box) as pop:
        count, octets = pop.stat()
        assert count == 3
        sizes = pop.sizes()
        assert sum(sizes) == octets
        assert [len(pop.retrieve(n)) for n in (1, 2, 3)] == sizes
        uids = pop.uids()
        assert len(set(uids)) == 3 and all(re.fullmatch(r"[\x21-\x7e]{1,70}", uid) for uid in uids)
        assert pop.command("LIST 2").split()[:2] == ["2", str(sizes[1])]
        assert pop.command("UIDL 3").split()[:2] == ["3", uids[2]]


def test_top(shared, box):
    with shared.pop3(box) as pop:
        whole = pop.retrieve(3)
        head, body = whole.split(b"\r\n\r\n", 1)
        assert pop.top(3, 0) == head + b"\r\n\r\n"
        assert pop.top(3, 2) == head + b"\r\n\r\n" + b"line\r\n" * 2
        assert pop.top(3, 100000) == whole


@pytest.mark.parametrize("line", ["RETR", "RETR 0", "RETR 4", "RETR -1", "RETR x", "RETR 99999999999999999999", "RETR 1 2", "DELE 4", "LIST 4",
                                  "UIDL 0", "TOP 1", "TOP 1 -1", "TOP 4 1", "TOP 1 99999999999999999999x", "XYZZY", "", "DELE", "USER", "STLS"])
def test_wrong_commands_are_refused_and_nothing_else(shared, box, line):
    with shared.pop3(box) as pop:
        with pytest.raises(Refused):
            pop.command(line)
        assert pop.stat()[0] == 3
        pop.quit()


def test_deleting(shared, box):
    with shared.pop3(box) as pop:
        uids = pop.uids()
        pop.delete(2)
        assert pop.stat()[0] == 2
        assert [line.split()[0] for line in pop.listing("LIST")] == ["1", "3"]
        for line in ("RETR 2", "DELE 2", "LIST 2", "TOP 2 0", "UIDL 2"):
            with pytest.raises(Refused):
                pop.command(line)
        pop.quit()
    with shared.pop3(box) as pop:
        assert pop.uids() == [uids[0], uids[2]]
        assert subjects(pop) == [1, 3]


def test_reset_undeletes(shared, box):
    with shared.pop3(box) as pop:
        pop.delete(1)
        pop.delete(3)
        pop.command("RSET")
        assert pop.stat()[0] == 3
        pop.quit()
    with shared.pop3(box) as pop:
        assert subjects(pop) == [1, 2, 3]


def test_a_dropped_connection_deletes_nothing(shared, box):
    with shared.pop3(box) as pop:
        pop.delete(1)
        pop.delete(2)
    with wait_until(lambda: _login(shared, box), "the lock to go") as pop:
        assert subjects(pop) == [1, 2, 3]


def _login(sims, name):
    try:
        return sims.pop3(name)
    except Refused:
        return None


def test_one_session_at_a_time(shared, box):
    with shared.pop3(box) as pop:
        with shared.pop3() as second:
            with pytest.raises(Refused) as refusal:
                second.login(box, f"secret of {box}")
            assert str(refusal.value).startswith("[IN-USE]")
        pop.quit()
    shared.pop3(box).quit()


def test_mail_that_arrives_during_a_session_stays(shared, box):
    with shared.pop3(box) as pop:
        shared.deliver(box, message("number 4"))
        assert pop.stat()[0] == 3
        with pytest.raises(Refused):
            pop.command("RETR 4")
        for number in (1, 2, 3):
            pop.delete(number)
        pop.quit()
    with shared.pop3(box) as pop:
        assert subjects(pop) == [4]


def test_uids_outlive_the_index(shared, box):
    shared.deliver(box, message("number 1", b"line\r\n" * 10))
    with shared.pop3(box) as pop:
        before = pop.uids()
        pop.quit()
    shared.restart()
    with shared.pop3(box) as pop:
        assert pop.uids() == before
        pop.quit()
    shared.stop()
    shutil.rmtree(shared.base / "Index")
    shared.start()
    with shared.pop3(box) as pop:
        assert pop.uids() == before
        pop.quit()


def test_a_broken_index_is_rebuilt(shared, box):
    with shared.pop3(box) as pop:
        before = pop.uids()
        pop.quit()
    shared.stop()
    for path in (shared.base / "Index").rglob("*"):
        if path.is_file():
            path.write_bytes(b"\xff" * 100 + path.read_bytes()[100:])
    shared.start()
    with shared.pop3(box) as pop:
        assert pop.uids() == before
        assert subjects(pop) == [1, 2, 3]
    shared.cli("mailbox", "check", box)


def test_equal_messages_have_uids_of_their_own(shared, account):
    text = message("number 7")
    for _ in range(3):
        shared.deliver(account, text)
    with shared.pop3(account) as pop:
        assert len(set(pop.uids())) == 3
        keep = pop.uids()
        pop.delete(1)
        pop.quit()
    with shared.pop3(account) as pop:
        assert pop.uids() == keep[1:]


def test_pipelined_session(shared, box):
    with shared.pop3() as pop:
        pop.send(f"USER {box}\r\nPASS secret of {box}\r\nSTAT\r\nRETR 1\r\nRETR 2\r\nDELE 1\r\nNOOP\r\nQUIT\r\n".encode())
        for _ in range(2):
            pop.status()
        assert pop.status().startswith("3 ")
        for number in (1, 2):
            pop.status()
            assert b"Subject: number %d" % number in pop.multiline()
        for _ in range(3):
            pop.status()
        assert pop.at_end()


def test_a_thousand_messages(shared, account):
    with shared.smtp() as client:
        client.hello()
        for number in range(1000):
            assert client.send_message("a@example.net", [f"{account}@example.org"], message(f"number {number}")).code == 250
    with shared.pop3(account) as pop:
        pop.send(b"".join(b"RETR %d\r\n" % (n + 1) for n in range(1000)))
        for number in range(1000):
            pop.status()
            assert b"Subject: number %d\r\n" % number in pop.multiline()
        for number in range(1, 1000, 2):
            pop.delete(number)
        pop.quit()
    with shared.pop3(account) as pop:
        assert subjects(pop) == list(range(1, 1000, 2))


def test_stls(shared, box):
    with shared.pop3() as pop:
        pop.command("STLS")
        pop.wrap()
        pop.login(box, f"secret of {box}")
        assert subjects(pop) == [1, 2, 3]
        with pytest.raises(Refused):
            pop.command("STLS")


def test_implicit_tls(shared, box):
    with shared.pop3(box, tls=True) as pop:
        assert subjects(pop) == [1, 2, 3]
        pop.quit()


@pytest.mark.parametrize("verb", ["USER", "PASS", "APOP", "AUTH", "STAT", "LIST", "RETR", "DELE", "NOOP", "RSET", "UIDL", "TOP", "CAPA", "STLS", "X"])
def test_huge_arguments(shared, verb):
    for size in (255, 500, 896, 1000, 3000, 65536, 1 << 20):
        with shared.pop3() as pop:
            try:
                pop.send(verb.encode() + b" " + b"x" * size + b"\r\n")
                pop.status()
            except (Refused, Closed, ConnectionError):
                pass
    with shared.pop3() as pop:
        pop.quit()
    assert shared.running


def test_bytes_of_no_protocol(shared):
    for junk in (b"\0" * 1000 + b"\r\n", bytes(range(256)) + b"\r\n", b"\x16\x03\x01\x02\x00" + b"\0" * 200 + b"\r\n"):
        with shared.pop3() as pop:
            pop.send(junk)
            with pytest.raises((Refused, Closed)):
                pop.status()
    shared.pop3().quit()


def test_a_new_password_counts_at_once_and_the_old_one_no_more(shared, account):
    shared.pop3(account).quit()
    shared.cli("account", "passwd", account, "--password-stdin", input="brand new secret\n")
    with shared.pop3() as pop, pytest.raises(Refused):
        pop.login(account, f"secret of {account}")
    shared.pop3(account, "brand new secret").quit()


def test_readers_and_deliveries_at_once(shared, account):
    """A reader that deletes all it sees while mail pours in: each message is seen once."""
    seen, failures = [], []

    def send(worker):
        try:
            for number in range(40):
                shared.deliver(account, message(f"number {worker * 100 + number}"))
        except Exception as error:
            failures.append(error)

    workers = [threading.Thread(target=send, args=(w,)) for w in range(5)]
    [w.start() for w in workers]
    end = time.monotonic() + 60
    while (any(w.is_alive() for w in workers) or len(seen) < 200) and time.monotonic() < end:
        with shared.pop3(account) as pop:
            found = subjects(pop)
            for number in range(len(found)):
                pop.delete(number + 1)
            pop.quit()
            seen += found
    assert failures == []
    assert sorted(seen) == sorted(w * 100 + n for w in range(5) for n in range(40))
