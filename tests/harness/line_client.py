"""A socket read line by line, byte for byte, with a time limit on everything."""
import socket
import ssl


class Closed(Exception):
    """The server closed the connection."""


class LineClient:
    def __init__(self, address, timeout=30, tls=False):
        self.socket = socket.create_connection(address, timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        if tls:
            self.wrap()

    def wrap(self):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket, server_hostname="mail.example.org")

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        try:
            data = self.socket.recv(1 << 20)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        if not data:
            raise Closed(f"closed by the server; unread: {self.buffer!r}")
        self.buffer += data

    def line(self):
        """The next line without its CRLF. A bare LF or CR in it is the server's fault."""
        while b"\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\n", 1)
        assert line.endswith(b"\r"), f"a line without CR: {line!r}"
        assert b"\r" not in line[:-1], f"a bare CR: {line!r}"
        return line[:-1]

    def at_end(self):
        """Whether the server has closed (waits for it)."""
        try:
            self.more()
        except Closed:
            return True
        return False

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
