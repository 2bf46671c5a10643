"""Who may send where: unknown users, strangers, client hosts (sims-reference 9 and 23.3)."""
import pytest

from harness.corpus import message

FOREIGN = [
    "a@example.com", "a@mail.example.com", "a@localhost.example.com", "a%example.com@example.org", "a%example.com@example.net",
    "example.com!a@example.org", "example.com!a", "a@example.com@example.org", "@example.org:a@example.com",
    "@example.org,@other.example:a@example.com", '"a@example.com"@example.org', '"a%example.com"@example.org',
    '"example.com!a"@example.org', "a@[192.0.2.9]", "a@[IPv6:2001:db8::9]", "a%[192.0.2.9]@example.org", "a@example.org.example.com",
    "a@example.orgx", "a@xexample.org", "a%example.com%example.net@example.org", '"a"@example.com', "a%example.com@[127.0.0.1]",
    "a@example.com.", "A@EXAMPLE.COM", "postmaster@example.com", "a%example.com", '"a@example.com"', "a@com", "a%example.com@",
]


@pytest.fixture
def client(shared):
    with shared.smtp() as client:
        client.hello()
        assert client.command("MAIL FROM:<stranger@example.net>").code == 250
        yield client


@pytest.mark.parametrize("address", FOREIGN)
def test_a_stranger_may_not_relay(client, address):
    reply = client.command(f"RCPT TO:<{address}>")
    assert reply.code in (550, 501, 553), reply
    if reply.code == 550:
        assert reply.enhanced in ("5.7.1", "5.1.1", "5.1.2"), reply
    assert client.command("DATA").code in (503, 554)


@pytest.mark.parametrize("address", ["a@example.com", "a%example.com@example.org", "@example.org:a@example.com", "a@[192.0.2.9]"])
def test_the_refusal_says_relay(client, address):
    reply = client.command(f"RCPT TO:<{address}>")
    assert (reply.code, reply.enhanced) == (550, "5.7.1")


@pytest.mark.parametrize("sender", ["joe@example.org", "postmaster@example.org", ""])
def test_a_local_sender_opens_nothing(shared, sender):
    with shared.smtp() as client:
        client.hello()
        client.command(f"MAIL FROM:<{sender}>")
        assert client.command("RCPT TO:<a@example.com>").enhanced == "5.7.1"


@pytest.mark.parametrize("address", ["nobody@example.org", "nobody", "L-nobody@example.org", "joe.@example.org", "../joe@example.org",
                                     "joe/x@example.org", "joe.lock@example.org", "Accounts@example.org", ".@example.org", '""@example.org'])
def test_unknown_names(client, address):
    reply = client.command(f"RCPT TO:<{address}>")
    assert reply.code in (550, 501, 553)
    assert reply.code != 550 or reply.enhanced in ("5.1.1", "5.1.3")


def test_unknown_user_reads_like_this(client):
    reply = client.command("RCPT TO:<nobody@example.org>")
    assert (reply.code, reply.enhanced) == (550, "5.1.1")


@pytest.mark.parametrize("address", ["joe@example.org", "JOE@example.org", "joe@[127.0.0.1]", "postmaster", "Postmaster@example.org",
                                     "POSTMASTER@EXAMPLE.ORG", "abuse@example.org", "root@example.org", "hostmaster@example.org",
                                     "webmaster@example.org", "mailer-daemon@example.org", "joe%example.org@example.org"])
def test_what_is_ours_is_taken(client, address):
    assert client.command(f"RCPT TO:<{address}>").code == 250


def test_disabled_account(sims):
    sims.add_account("joe")
    sims.cli("account", "set", "joe", "AccountEnabled=no")
    with sims.smtp() as client:
        client.hello()
        client.command("MAIL FROM:<a@example.net>")
        reply = client.command("RCPT TO:<joe@example.org>")
        assert (reply.code, reply.enhanced) == (550, "5.2.1")


def test_client_hosts_may_relay_from_the_next_connection_on(sims):
    def rcpt():
        with sims.smtp() as client:
            client.hello()
            client.command("MAIL FROM:<a@example.net>")
            return client.command("RCPT TO:<b@example.com>").code

    assert rcpt() == 550, "not even loopback may relay by default"
    for hosts, code in (("127.0.0.0/8", 250), ("10.0.0.0/8", 550), ("127.000.0.01", 250), ("127.0.0.0-127.0.0.5", 250),
                        ("127.0.0.2-127.0.0.5", 550), ("::1", 550), ("::1,127.0.0.1", 250), ("", 550)):
        sims.set("smtp", client_hosts=hosts)
        assert rcpt() == code, hosts


def test_a_faulty_client_host_is_refused_whole(sims):
    sims.set("smtp", client_hosts="127.0.0.1")
    done = sims.cli("settings", "set", "smtp", "client_hosts=127.0.0.1,10.0.0.300", status=1)
    assert "10.0.0.300" in done.stderr
    with sims.smtp() as client:
        client.hello()
        client.command("MAIL FROM:<a@example.net>")
        assert client.command("RCPT TO:<b@example.com>").code == 250


def test_black_listed_hosts_reach_postmaster_only(sims):
    sims.add_account("joe")
    sims.set("smtp", black_list="127.0.0.1")
    with sims.smtp() as client:
        client.hello()
        client.command("MAIL FROM:<a@example.net>")
        reply = client.command("RCPT TO:<joe@example.org>")
        assert (reply.code, reply.enhanced) == (550, "5.7.1")
        assert client.command("RCPT TO:<postmaster@example.org>").code == 250
        assert client.data(message("plea")).code == 250


def test_full_account_is_a_temporary_trouble(sims):
    sims.add_account("joe")
    sims.cli("account", "set", "joe", "SizeLimit=1")
    sims.deliver("joe", message("fills", b"x" * 70 + b"\r\n" * 2000))
    with sims.smtp() as client:
        client.hello()
        reply = client.send_message("a@example.net", ["joe@example.org"], message("too much"))
        assert (reply.code, reply.enhanced) == (452, "4.2.2")
