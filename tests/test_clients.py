"""Programs people really use, against our server."""
import poplib
import smtplib
import ssl
import subprocess

import pytest

from harness.corpus import message
from harness.mailboxes import without_trace

UNVERIFIED = ssl._create_unverified_context()


def run(*words, status=0, **options):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def retrieved(sims, name):
    with sims.pop3(name) as pop:
        return [pop.retrieve(n + 1) for n in range(pop.stat()[0])]


def test_smtplib(shared, account):
    with smtplib.SMTP("127.0.0.1", shared.ports["smtp"]) as client:
        client.starttls(context=UNVERIFIED)
        refused = client.sendmail("a@example.net", [f"{account}@example.org", "nobody@example.org"], message("smtplib"))
    assert list(refused) == ["nobody@example.org"] and refused["nobody@example.org"][0] == 550
    assert without_trace(retrieved(shared, account)[0], message("smtplib"))


@pytest.mark.parametrize("tls", [False, True])
def test_poplib(shared, account, tls):
    shared.deliver(account, message("poplib", b".dot\r\n..\r\n"))
    if tls:
        pop = poplib.POP3_SSL("127.0.0.1", shared.ports["pop3s"], context=UNVERIFIED)
    else:
        pop = poplib.POP3("127.0.0.1", shared.ports["pop3"])
        pop.stls(context=UNVERIFIED)
    pop.user(account)
    pop.pass_(f"secret of {account}")
    assert pop.stat()[0] == 1
    text = b"\r\n".join(pop.retr(1)[1]) + b"\r\n"
    assert without_trace(text, message("poplib", b".dot\r\n..\r\n"))
    pop.dele(1)
    pop.quit()
    assert retrieved(shared, account) == []


def test_swaks(shared, account):
    server = f"127.0.0.1:{shared.ports['smtp']}"
    run("swaks", "--server", server, "--to", f"{account}@example.org", "--from", "a@example.net", "--body", "from swaks")
    run("swaks", "--server", server, "--to", f"{account}@example.org", "--from", "a@example.net", "--body", "from swaks", "--tls")
    run("swaks", "--server", server, "--to", "x@example.com", "--from", "a@example.net", status=24)
    got = retrieved(shared, account)
    assert len(got) == 2 and all(b"from swaks" in m for m in got)


def test_curl(shared, account, tmp_path):
    mail = tmp_path / "mail"
    mail.write_bytes(message("curl"))
    run("curl", "-sS", f"smtp://127.0.0.1:{shared.ports['smtp']}/client.example.net", "--mail-from", "a@example.net", "--mail-rcpt",
        f"{account}@example.org", "--upload-file", mail)
    login = ["-sS", "-u", f"{account}:secret of {account}"]
    base = f"pop3://127.0.0.1:{shared.ports['pop3']}/"
    assert run("curl", *login, base).split()[0] == "1"
    out = tmp_path / "out"
    run("curl", *login, base + "1", "-o", out)
    assert without_trace(out.read_bytes(), message("curl"))
    run("curl", *login, "--insecure", f"pop3s://127.0.0.1:{shared.ports['pop3s']}/1", "-o", out)
    assert without_trace(out.read_bytes(), message("curl"))


def test_msmtp(shared, account, tmp_path):
    settings = tmp_path / "msmtprc"
    settings.write_text(f"account default\nhost 127.0.0.1\nport {shared.ports['smtp']}\nfrom a@example.net\nauth off\ntls on\ntls_starttls on\n"
                        f"tls_certcheck off\nset_date_header off\nset_msgid_header off\n")
    settings.chmod(0o600)
    run("msmtp", "-C", settings, f"{account}@example.org", input=message("msmtp").decode().replace("\r\n", "\n"))
    assert without_trace(retrieved(shared, account)[0], message("msmtp"))


def test_fetchmail(shared, account, tmp_path):
    """Takes everything by POP3 and hands it to an mbox file, message by message."""
    sent = [message(f"number {n}", b"line\r\n" * n) for n in range(20)]
    for text in sent:
        shared.deliver(account, text)
    settings = tmp_path / "fetchmailrc"
    out = tmp_path / "out"
    settings.write_text(f'poll localhost via 127.0.0.1 with proto POP3 service {shared.ports["pop3"]} uidl user "{account}" password "secret of {account}" '
                        f'options sslproto "" no rewrite fetchall mda "cat >> {out}"\n')
    settings.chmod(0o600)
    run("fetchmail", "-f", settings, "--pidfile", tmp_path / "pid", "--idfile", tmp_path / "ids", "--nosyslog", "-v",
        env={"HOME": str(tmp_path), "FETCHMAILHOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    text = out.read_text()
    assert [f"Subject: number {n}\n" in text for n in range(20)] == [True] * 20
    assert retrieved(shared, account) == []


def test_openssl_sees_tls_1_3_and_refuses_old_ones(shared):
    def handshake(version):
        return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{shared.ports['pop3s']}", version, "-cipher", "ALL:@SECLEVEL=0"],
                              input="QUIT\r\n", capture_output=True, text=True, timeout=30)

    assert "TLSv1.3" in handshake("-tls1_3").stdout
    assert "TLSv1.2" in handshake("-tls1_2").stdout
    assert "Cipher is (NONE)" in handshake("-tls1_1").stdout
