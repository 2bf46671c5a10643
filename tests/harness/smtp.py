"""An SMTP client that sends what it is told, right or wrong, and reads replies strictly."""
import base64
import re
from dataclasses import dataclass

from .line_client import LineClient

REPLY_LINE_MAX = 512


@dataclass
class Reply:
    code: int
    lines: list

    @property
    def text(self):
        return "\n".join(self.lines)

    @property
    def enhanced(self):
        """ "5.1.1", or nothing."""
        found = re.match(r"([245]\.\d{1,3}\.\d{1,3}) ", self.lines[0] + " ")
        return found.group(1) if found else None

    def __str__(self):
        return f"{self.code} {self.text}"


def stuffed(message):
    """The bytes of DATA for `message`: dots doubled, a last line end added when it is missing, the final dot."""
    if message and not message.endswith(b"\r\n"):
        message += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", message) + b".\r\n"


class Smtp(LineClient):
    def __init__(self, address, greet=True, **options):
        super().__init__(address, **options)
        self.extensions = {}
        if greet:
            self.greeting = self.reply()
            assert self.greeting.code == 220, self.greeting

    def reply(self):
        lines = []
        while True:
            line = self.line()
            assert len(line) + 2 <= REPLY_LINE_MAX, f"a reply line of {len(line)} octets"
            match = re.fullmatch(rb"([2-5]\d\d)([ -])([\x20-\x7e\x80-\xff]*)", line)
            assert match, f"no reply line: {line!r}"
            lines.append((int(match[1]), match[3].decode("utf-8", "replace")))
            if match[2] == b" ":
                codes = {code for code, _ in lines}
                assert len(codes) == 1, f"codes differ within a reply: {lines}"
                return Reply(lines[0][0], [text for _, text in lines])

    def command(self, line):
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def hello(self, name="client.example.net"):
        reply = self.command(f"EHLO {name}")
        assert reply.code == 250, reply
        self.extensions = {words[0].upper(): words[1:] for words in (line.split() for line in reply.lines[1:])}
        return reply

    def starttls(self):
        reply = self.command("STARTTLS")
        assert reply.code == 220, reply
        assert self.buffer == b"", "bytes between the STARTTLS reply and the handshake"
        self.wrap()

    def login(self, name, password):
        return self.command("AUTH PLAIN " + base64.b64encode(f"\0{name}\0{password}".encode()).decode())

    def envelope(self, sender, recipients, parameters=""):
        """MAIL and RCPTs; the last reply."""
        reply = self.command(f"MAIL FROM:<{sender}>{' ' + parameters if parameters else ''}")
        for recipient in recipients:
            if reply.code != 250:
                return reply
            reply = self.command(f"RCPT TO:<{recipient}>")
        return reply

    def data(self, message):
        reply = self.command("DATA")
        if reply.code != 354:
            return reply
        self.send(stuffed(message))
        return self.reply()

    def send_message(self, sender, recipients, message):
        reply = self.envelope(sender, recipients)
        return self.data(message) if reply.code == 250 else reply

    def quit(self):
        reply = self.command("QUIT")
        assert reply.code == 221, reply
        assert self.at_end()
        self.close()
