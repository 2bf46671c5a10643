"""A POP3 client that reads replies strictly."""
from .line_client import LineClient


class Refused(Exception):
    """-ERR; its text."""


class Pop3(LineClient):
    def __init__(self, address, **options):
        super().__init__(address, **options)
        self.greeting = self.status()

    def status(self):
        line = self.line()
        assert len(line) + 2 <= 512, line
        if line.startswith(b"-ERR"):
            raise Refused(line[4:].strip().decode("utf-8", "replace"))
        assert line == b"+OK" or line.startswith(b"+OK "), line
        return line[4:].decode("utf-8", "replace")

    def command(self, line):
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.status()

    def multiline(self):
        """The bytes up to the final dot, dots undone, CRLF kept."""
        end = 0
        if not self.buffer.startswith(b".\r\n"):
            while (end := self.buffer.find(b"\r\n.\r\n", max(0, end - 5))) < 0:
                end = len(self.buffer)
                self.more()
            end += 2
        body, self.buffer = self.buffer[:end], self.buffer[end + 3:]
        return _undot(body)

    def listing(self, line):
        self.command(line)
        return [l.decode() for l in self.multiline().split(b"\r\n")[:-1]]

    def login(self, name, password):
        self.command(f"USER {name}")
        return self.command(f"PASS {password}")

    def stat(self):
        messages, octets = self.command("STAT").split()[:2]
        return int(messages), int(octets)

    def sizes(self):
        return [int(line.split()[1]) for line in self.listing("LIST")]

    def uids(self):
        return [line.split()[1] for line in self.listing("UIDL")]

    def retrieve(self, number):
        self.command(f"RETR {number}")
        return self.multiline()

    def top(self, number, lines):
        self.command(f"TOP {number} {lines}")
        return self.multiline()

    def delete(self, number):
        return self.command(f"DELE {number}")

    def quit(self):
        text = self.command("QUIT")
        assert self.at_end()
        self.close()
        return text


def _undot(body):
    return (b"\r\n" + body).replace(b"\r\n.", b"\r\n")[2:]
