#!/usr/bin/env python3
"""Does a 250 hold? Senders and readers work while the server is killed again and again; at the end every message
is accounted for: none that was acknowledged is lost, none is there twice, each is in its mailbox byte for byte.

    tests/kill_test.py [--program SIMS] [--kills N] [--seed N] [--keep]

A message whose 250 never arrived may be there, once, or not at all. A message whose deletion was confirmed must never
come back. Where the server died between QUIT and its reply, both are right.
"""
import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from harness import mailboxes
from harness.line_client import Closed
from harness.pop3 import Refused
from harness.server import Server

ACCOUNTS = [f"box{n}" for n in range(6)]
SENDERS, READERS = 8, 3
BROKEN = (Closed, OSError)


def compose(number):
    """The message of a number: the same bytes whenever it is asked for."""
    dice = random.Random(number)
    kind = dice.random()
    lines = int(dice.expovariate(1 / 40)) if kind < 0.9 else dice.randrange(1000, 4000) if kind < 0.98 else 20000
    pool = [b"From the start", b".", b"..", b">From", b"", bytes(dice.randrange(32, 127) for _ in range(70)), b"x" * 500, b"\xfc\xff"]
    body = b"\r\n".join(dice.choice(pool) for _ in range(lines)) + b"\r\n"
    return b"From: sender@example.net\r\nX-Number: %d\r\nSubject: message %d\r\n\r\n" % (number, number) + body


class Book:
    """What was promised, and what was seen."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent = 0
        self.acknowledged = {}  # number -> accounts
        self.attempted = {}
        self.taken = set()      # (account, number) retrieved, its deletion confirmed
        self.perhaps = set()    # retrieved, deletion asked for, no answer
        self.wrong = []

    def next_number(self, accounts):
        with self.lock:
            self.sent += 1
            self.attempted[self.sent] = accounts
            return self.sent

    def complain(self, text):
        with self.lock:
            self.wrong.append(text)
            print("kill_test:", text, file=sys.stderr)

    def see(self, account, text):
        """A message as it was retrieved; its number."""
        found = re.search(rb"\r\nX-Number: (\d+)\r\n", text)
        if not found:
            self.complain(f"{account}: a message nobody sent: {text[:200]!r}")
            return None
        number = int(found[1])
        try:
            mailboxes.without_trace(text, compose(number))
        except AssertionError as error:
            self.complain(f"{account}: message {number} is damaged ({len(text)} bytes): {error}")
        if account not in self.attempted.get(number, ()):
            self.complain(f"{account}: message {number} was not for this account")
        if (account, number) in self.taken:
            self.complain(f"{account}: message {number} came back after its deletion was confirmed")
        return number


class Trial:
    def __init__(self, sims, kills, seed):
        self.sims, self.kills, self.dice = sims, kills, random.Random(seed)
        self.book = Book()
        self.up = threading.Event()
        self.over = threading.Event()

    def sender(self, seed):
        dice = random.Random(seed)
        while not self.over.is_set():
            if not self.up.wait(0.1):
                continue
            try:
                with self.sims.smtp(timeout=60) as client:
                    client.hello()
                    while not self.over.is_set():
                        self.send_one(client, dice)
            except BROKEN:
                time.sleep(0.01)

    def send_one(self, client, dice):
        accounts = dice.sample(ACCOUNTS, dice.choice([1, 1, 1, 2, 3]))
        number = self.book.next_number(accounts)
        reply = client.send_message("sender@example.net", [f"{a}@{Server.domain}" for a in accounts], compose(number))
        if reply.code == 250:
            self.book.acknowledged[number] = accounts
        elif reply.code // 100 != 4:
            self.book.complain(f"message {number} refused: {reply}")

    def reader(self, seed):
        dice = random.Random(seed)
        while not self.over.is_set():
            if not self.up.wait(0.1):
                continue
            try:
                self.read_one(dice.choice(ACCOUNTS), dice)
            except Refused as refusal:
                # The lock of a connection that has just died may live a moment longer.
                if "IN-USE" not in str(refusal):
                    self.book.complain(f"a reader was refused: {refusal}")
            except BROKEN:
                time.sleep(0.01)
            time.sleep(dice.random() * 0.1)

    def read_one(self, account, dice):
        with self.sims.pop3(account, timeout=60) as pop:
            deleted, seen = [], Counter()
            for index in range(pop.stat()[0]):
                number = self.book.see(account, pop.retrieve(index + 1))
                seen[number] += 1
                if dice.random() < 0.5:
                    pop.delete(index + 1)
                    deleted.append((account, number))
            for number, count in seen.items():
                if count > 1:
                    self.book.complain(f"{account}: message {number} is there {count} times")
            if dice.random() < 0.1:
                return  # dropped: deletes nothing
            with self.book.lock:
                self.book.perhaps.update(deleted)
            pop.command("QUIT")
            with self.book.lock:
                self.book.taken.update(deleted)

    def run(self):
        work = [threading.Thread(target=self.sender, args=(self.dice.random(),), daemon=True) for _ in range(SENDERS)]
        work += [threading.Thread(target=self.reader, args=(self.dice.random(),), daemon=True) for _ in range(READERS)]
        self.up.set()
        [thread.start() for thread in work]
        for _ in range(self.kills):
            time.sleep(self.dice.choice([0.05, 0.3, 1, 2]) * self.dice.random() + 0.02)
            self.up.clear()
            self.sims.kill()
            # Sometimes it is killed again while it recovers.
            if self.dice.random() < 0.3:
                self.sims.launch()
                time.sleep(self.dice.random() * 0.1)
                self.sims.kill()
            self.sims.start()
            self.up.set()
        time.sleep(0.5)
        self.over.set()
        [thread.join(90) for thread in work]
        return self.count()

    def count(self):
        """The last look, through POP3 and at the files; the number lost and the number there twice."""
        end = time.monotonic() + 60
        while self.sims.queue() and time.monotonic() < end:
            time.sleep(0.1)
        if self.sims.queue():
            self.book.complain(f"still queued: {self.sims.queue()}")
        there = Counter()
        for account in ACCOUNTS:
            with self.sims.pop3(account, timeout=60) as pop:
                retrieved = [pop.retrieve(n + 1) for n in range(pop.stat()[0])]
            there.update((account, self.book.see(account, text)) for text in retrieved)
            if mailboxes.messages(self.sims.mailbox(account)) != retrieved:
                self.book.complain(f"{account}: the mbox file says otherwise")
        lost = [(account, number) for number, accounts in self.book.acknowledged.items() for account in accounts
                if (account, number) not in there and (account, number) not in self.book.perhaps]
        twice = [key for key, count in there.items() if count > 1]
        for what, found in (("lost", lost), ("there twice", twice)):
            for account, number in found[:10]:
                self.book.complain(f"{account}: message {number} is {what}")
        return len(lost), len(twice)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--keep", action="store_true", help="keep the base folder, whatever happens")
    arguments = parser.parse_args()
    if arguments.program:
        os.environ["SIMS_PROGRAM"] = arguments.program
    folder = Path(tempfile.mkdtemp(prefix="sims-kill-"))
    sims = Server(folder / "base").start()
    print(f"kill_test: seed {arguments.seed}", flush=True)
    try:
        for account in ACCOUNTS:
            sims.add_account(account)
        trial = Trial(sims, arguments.kills, arguments.seed)
        lost, twice = trial.run()
        sims.stop()
    finally:
        if sims.process is not None:
            sims.kill()
    good = not trial.book.wrong and not lost and not twice
    print(f"{arguments.kills} kills, {len(trial.book.acknowledged)} messages acknowledged, {lost} lost, {twice} twice")
    if good and not arguments.keep:
        shutil.rmtree(folder)
    else:
        print(f"kill_test: the base folder is {folder / 'base'}")
    if not good:
        print(f"kill_test: {len(trial.book.wrong)} complaints, the first: {trial.book.wrong[:1]}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
