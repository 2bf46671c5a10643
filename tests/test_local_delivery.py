"""From SMTP into the mailbox and out again, byte for byte, for every message of the corpus; and other programs on the
same mbox file."""
import fcntl
import mailbox
import os
import re
import threading
import time

from harness.corpus import found, made, message
from harness.mailboxes import TRACE, messages, without_trace
from harness.waiting import wait_until


def through(sims, name, sent):
    """Sends all, retrieves all, looks into the file; everything must be there, in order, as it was."""
    with sims.smtp(timeout=120) as client:
        client.hello()
        for label, text in sent:
            reply = client.send_message("sender@example.net", [f"{name}@example.org"], text)
            assert reply.code == 250, (label, reply)
        client.quit()
    with sims.pop3(name, timeout=120) as pop:
        assert pop.stat()[0] == len(sent)
        sizes, in_file = pop.sizes(), messages(sims.mailbox(name))
        assert len(in_file) == len(sent), "Python's mailbox module counts otherwise"
        for index, (label, text) in enumerate(sent):
            got = pop.retrieve(index + 1)
            try:
                without_trace(got, text)
            except AssertionError as error:
                raise AssertionError(f"{label}: {error}") from None
            assert sizes[index] == len(got), label
            assert in_file[index] == got, label
        pop.quit()


def test_made_messages(shared, account):
    through(shared, account, [(label, text) for label, text in made() if len(text) < 10_000_000])


def test_found_messages(shared, account):
    sent = list(found())
    assert sent
    through(shared, account, sent)


def test_large_message(shared, account):
    through(shared, account, [(label, text) for label, text in made() if len(text) >= 10_000_000])


def test_trace_fields(shared, account):
    shared.deliver(account, message("trace"), sender="sender@example.net")
    with shared.pop3(account) as pop:
        got = pop.retrieve(1)
    front = got[:len(got) - len(message("trace"))]
    assert front.startswith(b"Return-Path: <sender@example.net>\r\n")
    received = re.sub(rb"\r\n[ \t]+", b" ", front).split(b"\r\n")[1].decode()
    assert re.fullmatch(r"Received: from client\.example\.net \(\[127\.0\.0\.1\]\) by mail\.example\.org with ESMTP id \w+ "
                        rf"for <{account}@example\.org>; \w{{3}}, \d{{1,2}} \w{{3}} \d{{4}} \d\d:\d\d:\d\d [+-]\d{{4}}", received), received
    assert front.count(b"Received:") == 1


def test_several_recipients_are_not_named(shared):
    names = [shared.add_account(f"several{n}") for n in range(3)]
    shared.deliver(names, message("several"))
    for name in names:
        with shared.pop3(name) as pop:
            assert pop.stat()[0] == 1
            front = TRACE.match(pop.retrieve(1))[0]
            assert b"for <" not in front


def test_a_recipient_named_twice_gets_one_copy(shared, account):
    shared.deliver([account, account.upper(), f"{account}@EXAMPLE.org"], message("once"))
    with shared.pop3(account) as pop:
        assert pop.stat()[0] == 1


def test_null_sender(shared, account):
    shared.deliver(account, message("bounce"), sender="")
    with shared.pop3(account) as pop:
        assert pop.retrieve(1).startswith(b"Return-Path: <>\r\n")
    assert shared.mailbox(account).read_bytes().startswith(b"From MAILER-DAEMON ")


def test_the_mailbox_is_private_and_mboxrd(shared, account):
    shared.deliver(account, message("quoting", b"From here\r\n>From there\r\n"))
    assert os.stat(shared.mailbox(account)).st_mode & 0o777 == 0o600
    text = shared.mailbox(account).read_bytes()
    assert b"\r" not in text
    assert re.match(rb"From sender@example\.net \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\n", text)
    assert b"\n>From here\n>>From there\n\n" in text
    assert text.endswith(b"\n\n") and not text.endswith(b"\n\n\n")


def test_too_many_hops_is_a_loop(shared, account):
    hops = b"".join(b"Received: from a%d by b%d; Mon, 1 Jan 2001 00:00:00 +0000\r\n" % (n, n) for n in range(150))
    with shared.smtp() as client:
        client.hello()
        reply = client.send_message("a@example.net", [f"{account}@example.org"], hops + message("loop"))
        assert reply.code // 100 == 5 and reply.enhanced == "5.4.6", reply


# Other programs on the same file.

def test_a_mail_program_that_holds_the_lock_delays_delivery_only(shared, account):
    shared.deliver(account, message("first"))
    with open(shared.mailbox(account), "r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        before = os.fstat(file.fileno()).st_size
        shared.deliver(account, message("second"))
        time.sleep(0.5)
        assert os.fstat(file.fileno()).st_size == before, "written in spite of the fcntl lock"
        fcntl.lockf(file, fcntl.LOCK_UN)
    wait_until(lambda: len(messages(shared.mailbox(account))) == 2, "delivery after the lock")


def test_a_dot_lock_delays_delivery_only(shared, account):
    lock = shared.mailbox(account).with_name(account + ".lock")
    lock.write_text(str(os.getpid()))
    try:
        shared.deliver(account, message("locked"))
        time.sleep(0.5)
        assert shared.mailbox(account).stat().st_size == 0, "written in spite of the dot lock"
    finally:
        lock.unlink()
    wait_until(lambda: len(messages(shared.mailbox(account))) == 1, "delivery after the lock")


def test_a_mail_program_and_the_server_share_the_file(shared, account):
    """Python's mailbox module takes and gives messages, under both locks, while the server delivers."""
    stop = threading.Event()
    added, failures = [], []

    def edit():
        number = 0
        try:
            while not stop.is_set():
                box = mailbox.mbox(shared.mailbox(account), create=False)
                try:
                    box.lock()
                except mailbox.ExternalClashError:
                    continue
                try:
                    box.add(mailbox.mboxMessage(message(f"foreign {number}").replace(b"\r\n", b"\n")))
                    box.flush()
                    added.append(number)
                    number += 1
                finally:
                    box.unlock()
                    box.close()
                time.sleep(0.01)
        except Exception as error:
            failures.append(error)

    editor = threading.Thread(target=edit)
    editor.start()
    for number in range(50):
        shared.deliver(account, message(f"ours {number}"))
    stop.set()
    editor.join()
    assert failures == []
    subjects = wait_until(lambda: _all_there(shared, account, 50 + len(added)), "all messages")
    assert sorted(subjects) == sorted([f"ours {n}" for n in range(50)] + [f"foreign {n}" for n in added])


def _all_there(sims, name, count):
    with sims.pop3(name) as pop:
        if pop.stat()[0] < count:
            return None
        return [re.search(rb"Subject: (\w+ \d+)", pop.top(n + 1, 0))[1].decode() for n in range(pop.stat()[0])]


def test_a_message_another_program_removed_is_gone(shared, account):
    for number in range(4):
        shared.deliver(account, message(f"number {number}"))
    with shared.pop3(account) as pop:
        before = pop.uids()
    box = mailbox.mbox(shared.mailbox(account), create=False)
    box.lock()
    box.remove(1)
    box.flush()
    box.unlock()
    box.close()
    shared.deliver(account, message("number 4"))
    with shared.pop3(account) as pop:
        after = pop.uids()
        assert after[:3] == [before[0], before[2], before[3]]
        assert [re.search(rb"Subject: number (\d)", pop.retrieve(n))[1] for n in range(1, 5)] == [b"0", b"2", b"3", b"4"]


# Links.

def test_a_linked_mailbox_stays_a_link(shared, account, tmp_path):
    """The account alias: whatever the server does, the link stays and the file behind it is the mailbox."""
    target = tmp_path / "volume" / "box"
    target.parent.mkdir()
    path = shared.mailbox(account)
    shared.deliver(account, message("one"))
    path.rename(target)
    path.symlink_to(target)
    for subject in ("two", "three"):
        shared.deliver(account, message(subject))
    assert path.is_symlink() and len(messages(target)) == 3
    with shared.pop3(account) as pop:
        pop.delete(2)
        pop.quit()
    assert path.is_symlink() and os.readlink(path) == str(target)
    assert [re.search(rb"Subject: (\w+)", m)[1] for m in messages(target)] == [b"one", b"three"]
    with shared.pop3(account) as pop:
        pop.delete(1)
        pop.delete(2)
        pop.quit()
    assert path.is_symlink() and target.stat().st_size == 0
    shared.deliver(account, message("four"))
    assert path.is_symlink() and len(messages(target)) == 1


def test_a_dangling_link_keeps_the_mail_waiting(shared, account, tmp_path):
    target = tmp_path / "volume" / "box"
    path = shared.mailbox(account)
    path.unlink()
    path.symlink_to(target)
    with shared.smtp() as client:
        client.hello()
        reply = client.send_message("a@example.net", [f"{account}@example.org"], message("waits"))
    assert reply.code in (250, 451, 452)
    assert path.is_symlink() and not target.exists()
    target.parent.mkdir()
    target.touch()
    if reply.code == 250:
        wait_until(lambda: len(messages(target)) == 1, "the mail behind the mended link", seconds=90)
