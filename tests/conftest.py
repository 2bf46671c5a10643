import pytest

from harness.dns import Dns
from harness.server import Server
from harness.sink import make_certificate


def pytest_collection_modifyitems(items):
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture
def sims(tmp_path):
    """A server of this test alone, running."""
    with Server(tmp_path / "base") as server:
        yield server


@pytest.fixture
def stopped(tmp_path):
    """A server of this test alone, not started."""
    server = Server(tmp_path / "base")
    yield server
    if server.process is not None:
        server.kill()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A server for all tests of the file, with the accounts joe and ann: for tests that leave it as it was."""
    with Server(tmp_path_factory.mktemp("shared") / "base") as server:
        server.add_account("joe")
        server.add_account("ann")
        yield server


@pytest.fixture
def dns():
    with Dns() as server:
        yield server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"))


_number = iter(range(1, 1 << 30))


@pytest.fixture
def account(shared):
    """The name of a new account of the shared server."""
    return shared.add_account(f"user{next(_number)}")
