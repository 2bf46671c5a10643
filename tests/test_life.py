"""Start, stop, settings that are wrong, folders that are taken, signals, first start."""
import os
import pwd
import re
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from harness.corpus import message
from harness.server import Server, program, toml
from harness.waiting import wait_until


def serve(base, seconds=30):
    """Runs a server that is not meant to start; its exit status, output and complaint."""
    return subprocess.run([program(), "serve", "--base", str(base)], capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL)


def test_first_start_says_the_password_once(stopped):
    stopped.start()
    ready = stopped.said.index("sims: ready")
    [line] = [line for line in stopped.said if line.startswith("sims: Postmaster password: ")]
    assert stopped.said.index(line) < ready
    assert len(stopped.postmaster_password) >= 12
    stopped.pop3("Postmaster", stopped.postmaster_password).quit()
    stopped.restart()
    assert not any("password" in line for line in stopped.said)
    stopped.pop3("postmaster", stopped.postmaster_password).quit()
    assert stopped.postmaster_password not in stopped.log() + stopped.stderr()
    stopped.stop()


def test_how_the_base_folder_is_named(stopped):
    stopped.start()
    base = ["--base", str(stopped.base)]
    for words, folder in ((["account", "list"], stopped.base), (["account", "list", *base], "/nonexistent"), ([*base, "account", "list"], "/nonexistent")):
        done = subprocess.run([program(), *words], capture_output=True, text=True, env={**os.environ, "SIMS_BASE": str(folder)})
        assert done.returncode == 0 and "Postmaster" in done.stdout, (words, done.stderr)
    stopped.stop()


def test_what_the_base_folder_holds(sims):
    names = {path.name for path in sims.base.iterdir()}
    assert {"sims.toml", "Accounts", "Index", "Queue", "Directory", "Keys", "Logs", "control.sock"} <= names
    assert (sims.base / "control.sock").stat().st_mode & 0o777 == 0o600
    for folder in ("Keys", "Directory", "Queue"):
        assert (sims.base / folder).stat().st_mode & 0o077 == 0, folder
    for key in (sims.base / "Keys").iterdir():
        if key.is_file() and b"PRIVATE" in key.read_bytes():
            assert key.stat().st_mode & 0o077 == 0


FAULTS = [
    ('domain = "example.org"\nhostnam = "x"\n', 2, "hostnam"),
    ("domain = 5\n", 1, "domain"),
    ('[listen]\n\nsmtp = ["127.0.0.1"]\n', 3, "listen.smtp"),
    ('[listen]\nsmtp = "127.0.0.1:2525"\n', 2, "listen.smtp"),
    ('[listen]\nsmtp = ["127.0.0.1:99999"]\n', 2, "listen.smtp"),
    ('[listen]\nsmpt = ["127.0.0.1:2525"]\n', 2, "listen.smpt"),
    ('[outbound]\nport = "25"\n', 2, "outbound.port"),
    ("[outbound]\nport = 0\n", 2, "outbound.port"),
    ('[dns]\nservers = ["nowhere"]\n', 2, "dns.servers"),
    ('[storage]\nengine = "quantum"\n', 2, "storage.engine"),
    ('[nonsense]\nx = 1\n', None, "nonsense"),
    ('domain = "exa mple"\n', 1, "domain"),
    ('[tls]\ncertificate = "x.pem"\n', None, "tls"),
]


@pytest.mark.parametrize("text, line, key", FAULTS, ids=[f[2] for f in FAULTS])
def test_faulty_settings_are_named(tmp_path, text, line, key):
    (tmp_path / "sims.toml").write_text(text)
    done = serve(tmp_path)
    assert done.returncode == 1
    assert "sims.toml" in done.stderr and key in done.stderr
    if line is not None:
        assert re.search(rf"sims\.toml:{line}\b", done.stderr), done.stderr
    assert "ready" not in done.stdout


def test_bad_toml_is_named(tmp_path):
    (tmp_path / "sims.toml").write_text('domain = "example.org"\n[listen\n')
    done = serve(tmp_path)
    assert done.returncode == 1 and re.search(r"sims\.toml:2", done.stderr)


def test_all_faults_at_once(tmp_path):
    (tmp_path / "sims.toml").write_text('domain = 5\nhostnam = "x"\n[outbound]\nport = 0\n')
    done = serve(tmp_path)
    assert all(f"sims.toml:{line}" in done.stderr for line in (1, 2, 4)), done.stderr


def test_a_port_in_use_is_named(stopped):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        stopped.settings["listen"]["pop3"] = [address]
        stopped.write_settings()
        done = serve(stopped.base)
    assert done.returncode == 1 and address in done.stderr and "ready" not in done.stdout
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_a_second_server_on_the_folder_is_refused(sims):
    other = Server(sims.base)
    (sims.base / "sims.toml").write_text(toml(other.settings))
    done = serve(sims.base)
    assert done.returncode == 1 and str(sims.base) in done.stderr
    assert sims.running
    sims.cli("account", "list")


def test_commands_without_a_server_say_so(stopped):
    stopped.write_settings()
    done = stopped.cli("account", "list", status=1)
    assert done.stderr.count("\n") == 1 and "control.sock" in done.stderr


def test_commands_of_another_user_are_refused(sims):
    os.chmod(sims.base / "control.sock", 0)
    # Root without the capability to pass over modes.
    words = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    done = subprocess.run([*words, program(), "account", "list", "--base", sims.base], capture_output=True, text=True)
    assert done.returncode == 1 and "may administer" in done.stderr and "no server" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_becomes_the_user():
    nobody = pwd.getpwnam("nobody")
    # Not in tmp_path, which only its owner can enter.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        sims = Server(Path(folder) / "base")
        sims.settings["user"] = "nobody"
        with sims:
            status = Path(f"/proc/{sims.process.pid}/status").read_text()
            for line, number in (("Uid", nobody.pw_uid), ("Gid", nobody.pw_gid)):
                assert line + ":" + f"\t{number}" * 4 + "\n" in status
            assert re.search(rf"^Groups:\s*{nobody.pw_gid}\s*$", status, re.M)
            assert sims.base.stat().st_uid == nobody.pw_uid
            sims.add_account("joe")
            assert (sims.base / "Accounts/joe").stat().st_uid == nobody.pw_uid
        sims.settings["user"] = "there-is-none"
        sims.write_settings()
        done = serve(sims.base)
        assert done.returncode == 1 and "'user'" in done.stderr and "there-is-none" in done.stderr


def test_a_base_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    done = serve(tmp_path / "file" / "base")
    assert done.returncode == 1 and "base" in done.stderr


def test_a_folder_left_by_a_crash_starts(sims):
    sims.add_account("joe")
    sims.deliver("joe", message("before"))
    sims.kill()
    assert (sims.base / "control.sock").exists()
    sims.start()
    with sims.pop3("joe") as pop:
        assert pop.stat()[0] == 1


def test_sigterm_while_sessions_are_open(sims):
    sims.add_account("joe")
    idle = [sims.smtp() for _ in range(5)] + [sims.pop3("joe")]
    half = sims.smtp()
    half.hello()
    half.envelope("a@example.net", ["joe@example.org"])
    half.command("DATA")
    half.send(b"Subject: half\r\n")
    start = time.monotonic()
    sims.stop()
    assert time.monotonic() - start < 30
    sims.start()
    with sims.pop3("joe") as pop:
        assert pop.stat()[0] == 0
    [client.close() for client in idle + [half]]


def test_sigint_ends_it_too(sims):
    sims.process.send_signal(signal.SIGINT)
    assert sims.process.wait(30) == 0
    sims._ended()


def certificate_of(sims):
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{sims.ports['pop3s']}"], input="QUIT\r\n", capture_output=True,
                          text=True).stdout.split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0]


def test_sighup_reads_the_certificate_again(sims, certificate):
    before = certificate_of(sims)
    with sims.smtp() as client:
        client.hello()
        sims.settings["tls"] = {"certificate": str(certificate[0]), "key": str(certificate[1])}
        sims.write_settings()
        sims.process.send_signal(signal.SIGHUP)
        wait_until(lambda: certificate_of(sims) != before, "the new certificate")
        assert client.command("NOOP").code == 250, "a session died of SIGHUP"


def test_sighup_with_faulty_settings_goes_on(sims):
    (sims.base / "sims.toml").write_text("domain = 5\n")
    sims.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "sims.toml" in sims.log() + sims.stderr(), "a word about it")
    assert sims.running
    sims.smtp().quit()


def test_the_self_signed_pair_is_kept(sims):
    before = certificate_of(sims)
    sims.restart()
    assert certificate_of(sims) == before


def test_the_log(sims):
    sims.set("smtp", log_level="all")
    sims.add_account("joe")
    sims.deliver("joe", message("logged"))
    wait_until(lambda: "joe" in sims.log(), "the log")
    for line in sims.log().splitlines():
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z-]+ [A-Z]+(\([^)]*\))? .+", line), line
    assert "secret of joe" not in sims.log()


def test_many_idle_connections(sims):
    clients = [sims.smtp() for _ in range(500)]
    try:
        with sims.smtp() as client:
            client.hello()
        assert all(c.command("NOOP").code == 250 for c in clients)
    finally:
        [c.close() for c in clients]


def test_usage():
    for words in (["nonsense"], ["account", "nonsense"], ["serve", "--nonsense"], ["account", "show"]):
        done = subprocess.run([program(), *words], capture_output=True, text=True)
        assert done.returncode == 2, words
        if "nonsense" in words:
            assert "nonsense" in done.stderr and "no command" in done.stderr
    done = subprocess.run([program(), "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "serve" in done.stdout
