"""One SIMS server in a folder of its own, on ports of its own."""
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

from .pop3 import Pop3
from .ports import free_port
from .smtp import Smtp

# Sanitized builds are slow to start on a loaded machine.
START_SECONDS = 60
STOP_SECONDS = 60


def program():
    given = os.environ.get("SIMS_PROGRAM")
    return Path(given) if given else Path(__file__).parents[2] / "build/dev/src/app/sims"


def toml(settings):
    """A sims.toml: values first, then the tables."""
    lines = [f"{k} = {json.dumps(v)}" for k, v in settings.items() if not isinstance(v, dict)]
    for table, values in settings.items():
        if isinstance(values, dict):
            lines += ["", f"[{table}]"] + [f"{k} = {json.dumps(v)}" for k, v in values.items()]
    return "\n".join(lines) + "\n"


class Server:
    """`with Server(folder) as sims:` starts it, and stops it cleanly at the end."""

    domain = "example.org"
    hostname = "mail.example.org"

    def __init__(self, base, dns_server=None, outbound_port=None):
        self.base = Path(base)
        self.ports = {name: free_port() for name in ("smtp", "pop3", "pop3s", "poppassd", "poppassds", "admin")}
        self.settings = {
            "domain": self.domain,
            "hostname": self.hostname,
            "listen": {
                "smtp": [f"127.0.0.1:{self.ports['smtp']}"],
                "submission": [],
                "submissions": [],
                "pop3": [f"127.0.0.1:{self.ports['pop3']}"],
                "pop3s": [f"127.0.0.1:{self.ports['pop3s']}"],
                "poppassd": [f"127.0.0.1:{self.ports['poppassd']}"],
                "poppassds": [f"127.0.0.1:{self.ports['poppassds']}"],
                "admin": [f"127.0.0.1:{self.ports['admin']}"],
            },
            # Nobody answers at port 9: tests that need names bring a DNS server.
            "dns": {"servers": [dns_server or "127.0.0.1:9"]},
            "outbound": {"port": outbound_port or 9},
        }
        self.process = None
        self.said = []
        self.postmaster_password = None

    # Life.

    def write_settings(self):
        self.base.mkdir(parents=True, exist_ok=True)
        (self.base / "sims.toml").write_text(toml(self.settings))

    def launch(self):
        """Starts the process and waits for nothing."""
        self.said = []
        self.complaints = open(self.base / "stderr", "ab")
        self.process = subprocess.Popen([program(), "serve", "--base", self.base], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.complaints, text=True)
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, output):
        for line in output:
            self.said.append(line.rstrip("\n"))

    def start(self):
        self.write_settings()
        self.launch()
        end = time.monotonic() + START_SECONDS
        while "sims: ready" not in self.said:
            assert self.process.poll() is None, f"sims serve ended: {self.process.returncode}\n{self.stderr()}"
            assert time.monotonic() < end, f"not ready after {START_SECONDS} s: {self.said}\n{self.stderr()}"
            time.sleep(0.005)
        for line in self.said:
            if line.startswith("sims: Postmaster password: "):
                self.postmaster_password = line.split(": ", 2)[2]
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"SIGTERM did not end the server within {STOP_SECONDS} s") from None
        self._ended()
        assert status == 0, f"sims serve exited {status}\n{self.stderr()}"

    def kill(self):
        """As a power cut ends it."""
        self.process.kill()
        self.process.wait()
        self._ended()

    def _ended(self):
        self._reader.join(5)
        self.process.stdout.close()
        self.complaints.close()
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if self.process is None:
            return
        if kind is None:
            self.stop()
        else:
            self.kill()

    # Command line.

    def cli(self, *args, input=None, status=0):
        """Runs `sims args` for this base folder; fails unless it exits with `status` (None: any)."""
        source = {"input": input} if input is not None else {"stdin": subprocess.DEVNULL}
        done = subprocess.run([program(), *map(str, args)], text=True, capture_output=True, timeout=120,
                              env={**os.environ, "SIMS_BASE": str(self.base)}, **source)
        assert status is None or done.returncode == status, (
            f"sims {' '.join(map(str, args))} exited {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def json(self, *args, **options):
        return json.loads(self.cli(*args, "--json", **options).stdout)

    def add_account(self, name, password=None):
        self.cli("account", "add", name, "--password-stdin", input=(password or f"secret of {name}") + "\n")
        return name

    def set(self, service, **values):
        self.cli("settings", "set", service, *[f"{key}={value}" for key, value in values.items()])

    # Network.

    def smtp(self, **options):
        return Smtp(("127.0.0.1", self.ports["smtp"]), **options)

    def pop3(self, name=None, password=None, **options):
        port = self.ports["pop3s" if options.get("tls") else "pop3"]
        client = Pop3(("127.0.0.1", port), **options)
        if name is not None:
            client.login(name, password or f"secret of {name}")
        return client

    def deliver(self, recipient, message, sender="sender@example.net"):
        """One message by SMTP; the reply to its end of data must be 250."""
        recipients = [recipient] if isinstance(recipient, str) else recipient
        with self.smtp() as client:
            client.hello()
            reply = client.send_message(sender, [r if "@" in r else f"{r}@{self.domain}" for r in recipients], message)
            assert reply.code == 250, reply

    # Folder.

    def mailbox(self, name):
        return self.base / "Accounts" / name

    def queue(self):
        return self.json("queue", "list")

    def stderr(self):
        return (self.base / "stderr").read_text(errors="replace")[-8000:]

    def log(self):
        return "".join(f.read_text(errors="replace") for f in sorted((self.base / "Logs").glob("*.log")))
