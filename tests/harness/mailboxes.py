"""mbox files as other programs see them."""
import mailbox
import re


def messages(path):
    """What Python's mailbox module finds: for each message its wire bytes (CRLF, one '>' taken from quoted From lines)."""
    box = mailbox.mbox(path, create=False)
    try:
        return [wire(box.get_bytes(key)) for key in box.keys()]
    finally:
        box.close()


def wire(stored):
    return re.sub(rb"(?m)^>(>*From )", rb"\1", stored).replace(b"\n", b"\r\n")


TRACE = re.compile(rb"(?:(?:Return-Path|Received|X-Real-To|Delivered-To):[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)+")


def without_trace(received, sent):
    """Takes the trace fields SIMS put in front away; fails when anything else was added."""
    assert received.endswith(sent), "the message as sent is not the end of the message as stored"
    front = received[:len(received) - len(sent)]
    assert TRACE.fullmatch(front), f"more than trace fields in front: {front[:500]!r}"
    return received[len(front):]
