"""Messages of every kind: those the world sends, and those made to break things."""
import os
import random
import re
from pathlib import Path

PYTHON_MAILS = Path("/usr/lib/python3.11/test/test_email/data")


def with_crlf(data):
    """As a client sends it: every kind of line end is CRLF, and the last line has one."""
    data = re.sub(rb"\r\n|\r|\n", b"\r\n", data)
    return data if not data or data.endswith(b"\r\n") else data + b"\r\n"


def folders():
    given = os.environ.get("SIMS_CORPUS")
    beside = Path(__file__).parents[2].parent / "shared/corpus"
    return [folder for folder in (Path(given) if given else beside, PYTHON_MAILS) if folder.is_dir()]


def found():
    """(name, message) of every file of the corpus folders."""
    for folder in folders():
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix in (".eml", ".txt", ".msg", "") and path.name != "SOURCES":
                yield f"{folder.name}/{path.relative_to(folder)}", with_crlf(path.read_bytes())


HEADER = b"From: A <a@example.net>\r\nTo: B <b@example.org>\r\nSubject: %s\r\nMessage-ID: <%s@example.net>\r\n"


def message(subject, body=b"Hello.\r\n"):
    subject = subject.encode() if isinstance(subject, str) else subject
    return HEADER % (subject, subject.replace(b" ", b".")) + b"\r\n" + body


def made():
    """(name, message): shapes that break parsers, stuffing, quoting and limits."""
    numbers = random.Random(4)
    bytes_but_line_ends = bytes(b for b in range(256) if b not in (10, 13))
    yield "empty", b""
    yield "one-empty-line", b"\r\n"
    yield "two-empty-lines", b"\r\n\r\n"
    yield "many-empty-lines-at-the-end", message("end", b"x\r\n" + b"\r\n" * 50)
    yield "header-only", HEADER % (b"header only", b"header.only")
    yield "header-and-empty-line", HEADER % (b"no body", b"no.body") + b"\r\n"
    yield "no-header", b"just a line of text\r\nand another\r\n"
    yield "starts-with-from", b"From somebody Mon Jan  1 00:00:00 2001\r\nSubject: x\r\n\r\nbody\r\n"
    yield "starts-with-quoted-from", b">From somebody\r\nSubject: x\r\n\r\nbody\r\n"
    yield "from-lines", message("from lines", b"From a\r\n\r\nFrom b Mon Jan  1 00:00:00 2001\r\n>From c\r\n>>From d\r\n"
                                b">>>>>>>>From e\r\n > From f\r\nFROM g\r\nfrom h\r\n\r\nFrom\r\nFrom \r\n>From \r\n")
    yield "from-in-header", b"Subject: a\r\nFrom nobody\r\n\r\nbody\r\n"
    yield "dots", message("dots", b".\r\n..\r\n...\r\n.a\r\n..a\r\na.\r\n.\r\n\r\n.\r\n. \r\n .\r\n")
    yield "dot-first", b".\r\n"
    yield "dots-only", b".\r\n" * 100
    yield "eight-bit", message("acht bit äöü".encode(), "Grüße, Ελλάδα, 日本語 🙂\r\n".encode())
    yield "latin-1", message("latin", "Grüße\r\n".encode("latin-1"))
    yield "every-byte", message("bytes", bytes_but_line_ends + b"\r\n" + bytes_but_line_ends * 30 + b"\r\n")
    yield "nul", message("nul", b"a\0b\r\n\0\r\n\0\0\0\r\n")
    yield "nul-in-header", b"Subject: a\0b\r\nX-\0: y\r\n\r\nbody\r\n"
    yield "trailing-blanks", message("blanks", b"a \r\nb\t\r\n \r\n\t \r\n")
    yield "998-octet-line", message("998", b"x" * 998 + b"\r\n")
    yield "999-octet-line", message("999", b"x" * 999 + b"\r\n")
    yield "64-KiB-line", message("64k", b"y" * 65536 + b"\r\n" + b"z" * 65535 + b"\r\nend\r\n")
    yield "1-MB-line", message("1M", b"z" * 1_000_000 + b"\r\n")
    yield "1-MB-header-line", b"X-Long: " + b"q" * 1_000_000 + b"\r\n\r\nbody\r\n"
    yield "5000-header-fields", b"".join(b"X-Field-%d: %d\r\n" % (i, i) for i in range(5000)) + b"\r\nbody\r\n"
    yield "folded", b"Subject: a\r\n b\r\n\tc\r\n\r\nbody\r\n"
    yield "mbox-inside", message("mbox", b"".join(b"From x@y Mon Jan  1 00:00:0%d 2001\r\nSubject: %d\r\n\r\nbody\r\n\r\n" % (i, i) for i in range(9)))
    yield "return-path-forged", b"Return-Path: <forged@example.com>\r\nReceived: from x by y; z\r\n" + message("forged")
    yield "content-length-lie", b"Content-Length: 5\r\nStatus: RO\r\nX-UID: 7\r\n" + message("length", b"From me\r\n\r\nFrom you\r\n")
    for step in (4094, 4095, 4096, 4097, 65533, 65534, 65535, 65536, 65537):
        # A dot, a From and a line end at the edges of every buffer somebody may have.
        head = message("edge", b"")
        yield f"edge-{step}", head + b"a" * (step - len(head) - 2) + b"\r\n.\r\nFrom x\r\n..b\r\n"
    line = bytes(numbers.randrange(32, 127) for _ in range(76)) + b"\r\n"
    yield "30-MB", message("large", line * (30_000_000 // len(line)))
