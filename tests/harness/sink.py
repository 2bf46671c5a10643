"""A receiving SMTP server whose answers a test decides."""
import socket
import socketserver
import ssl
import subprocess
import threading
from dataclasses import dataclass, field

from .ports import free_port
from .waiting import wait_until

DEFAULT_EXTENSIONS = ("PIPELINING", "SIZE 100000000", "8BITMIME", "ENHANCEDSTATUSCODES")


@dataclass
class Message:
    sender: str
    parameters: str
    recipients: list
    content: bytes
    tls: bool


@dataclass
class Session:
    peer: tuple
    commands: list = field(default_factory=list)
    tls: bool = False


class Sink:
    """`replies` maps what is answered ("CONNECT", "EHLO", "HELO", "MAIL", "RCPT", "DATA", "BODY", "QUIT", "STARTTLS"),
    or a recipient's address, to a reply line, to a list of them used one after the other (the last for ever), or to a
    function of the command line. "DROP" closes the connection instead. `messages` is what was accepted."""

    def __init__(self, host="127.0.0.11", port=None, extensions=DEFAULT_EXTENSIONS, certificate=None):
        self.host, self.port = host, port or free_port(host)
        self.extensions = list(extensions)
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
            self.extensions.append("STARTTLS")
        self.replies = {}
        self.messages = []
        self.sessions = []
        self.lock = threading.Lock()

    def answer(self, what, line, default):
        with self.lock:
            reply = self.replies.get(what, default)
            if isinstance(reply, list):
                reply = reply.pop(0) if len(reply) > 1 else reply[0]
        return reply(line) if callable(reply) else reply

    def wait_for_messages(self, count=1, seconds=30):
        wait_until(lambda: len(self.messages) >= count, f"{count} messages at the sink {self.host}", seconds)
        return self.messages

    def start(self):
        sink = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    _Conversation(sink, self.request, self.client_address).run()
                except (ConnectionError, ssl.SSLError, TimeoutError):
                    pass

        class Listener(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 128

        self.listener = Listener((self.host, self.port), Handler)
        threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        self.listener.shutdown()
        self.listener.server_close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


class _Conversation:
    def __init__(self, sink, connection, peer):
        self.sink, self.connection = sink, connection
        connection.settimeout(60)
        self.session = Session(peer)
        sink.sessions.append(self.session)
        self.buffer = b""
        self.reset()

    def reset(self):
        self.sender = None
        self.recipients = []
        self.content = b""

    def more(self):
        data = self.connection.recv(1 << 20)
        if not data:
            raise ConnectionError
        self.buffer += data

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def say(self, reply):
        if reply == "DROP":
            self.connection.shutdown(socket.SHUT_RDWR)
            raise ConnectionError
        self.connection.sendall(reply.encode() + b"\r\n")
        return int(reply[:3])

    def run(self):
        if self.say(self.sink.answer("CONNECT", "", "220 sink.example.net ESMTP")) != 220:
            return
        while True:
            line = self.line().decode("utf-8", "surrogateescape")
            self.session.commands.append(line)
            verb = line.split(" ", 1)[0].upper()
            act = getattr(self, "on_" + verb.lower(), None)
            if act is None:
                self.say("500 5.5.1 Unknown")
            elif act(line) is False:
                return

    def on_ehlo(self, line):
        answer = self.sink.answer("EHLO", line, None)
        if answer:
            return self.say(answer)
        words = [e for e in self.sink.extensions if not (e == "STARTTLS" and self.session.tls)]
        lines = ["sink.example.net"] + words
        self.say("\r\n".join(f"250{'-' if i + 1 < len(lines) else ' '}{text}" for i, text in enumerate(lines)))

    def on_helo(self, line):
        self.say(self.sink.answer("HELO", line, "250 sink.example.net"))

    def on_starttls(self, line):
        if self.say(self.sink.answer("STARTTLS", line, "220 2.0.0 Go ahead")) == 220:
            self.connection = self.sink.context.wrap_socket(self.connection, server_side=True)
            self.session.tls = True
            self.buffer = b""
            self.reset()

    def on_mail(self, line):
        path, _, parameters = line[len("MAIL FROM:"):].partition(">")
        if self.say(self.sink.answer("MAIL", line, "250 2.1.0 Ok")) == 250:
            self.reset()
            self.sender, self.parameters = path.lstrip("<"), parameters.strip()

    def on_rcpt(self, line):
        recipient = line[len("RCPT TO:<"):].split(">")[0]
        default = self.sink.answer("RCPT", line, "250 2.1.5 Ok")
        if self.say(self.sink.answer(recipient, line, default)) in (250, 251):
            self.recipients.append(recipient)

    def on_data(self, line):
        if not self.recipients:
            return self.say("503 5.5.1 No valid recipients")
        if self.say(self.sink.answer("DATA", line, "354 Go on")) != 354:
            return
        while b"\r\n.\r\n" not in b"\r\n" + self.buffer:
            self.more()
        end = (b"\r\n" + self.buffer).index(b"\r\n.\r\n")
        body, self.buffer = self.buffer[:end], self.buffer[end + 3:]
        self.finish((b"\r\n" + body).replace(b"\r\n.", b"\r\n")[2:])

    def on_bdat(self, line):
        words = line.split()
        size = int(words[1])
        while len(self.buffer) < size:
            self.more()
        self.content += self.buffer[:size]
        self.buffer = self.buffer[size:]
        if words[-1].upper() == "LAST":
            self.finish(self.content)
        else:
            self.say("250 2.0.0 Ok")

    def finish(self, content):
        message = Message(self.sender, self.parameters, self.recipients, content, self.session.tls)
        self.reset()
        # Recorded before the answer goes out: who has the answer can count on the record.
        answer = self.sink.answer("BODY", "", "250 2.0.0 Queued")
        if answer.startswith("250"):
            self.sink.messages.append(message)
        self.say(answer)

    def on_rset(self, line):
        self.reset()
        self.say("250 2.0.0 Ok")

    def on_noop(self, line):
        self.say("250 2.0.0 Ok")

    def on_quit(self, line):
        self.say(self.sink.answer("QUIT", line, "221 2.0.0 Bye"))
        return False


def make_certificate(folder, name="sink.example.net"):
    """A self-signed pair: (certificate file, key file)."""
    certificate, key = folder / "sink.crt", folder / "sink.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    key, "-out", certificate, "-days", "30", "-subj", f"/CN={name}"], check=True, capture_output=True)
    return certificate, key
