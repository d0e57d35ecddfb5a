"""Fixtures: servers, and what must hold after every test that used one."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from harness import observed
from harness.process import BINARY
from harness.server import Server

HERE = Path(__file__).parent
VECTORS = HERE.parent / "Vectors"
FOLDERS = ("http", "tokens", "sessions", "journal", "cli", "operations", "campaigns")
# Runs after every other file, wherever its folder comes in the alphabet: it compares what they have all seen.
CONTRACT = HERE / "http/test_zz_contract.py"
FULL = os.environ.get("MARTLET_TEST_FULL") == "1"


class Fleet:
    """The servers that live at the moment."""

    def __init__(self):
        self.servers: list[Server] = []
        self.base = Path(tempfile.mkdtemp(prefix="mt-"))
        self.count = 0

    def make(self, **options) -> Server:
        """A server that has not been started."""
        self.count += 1
        server = Server(self.base / f"s{self.count}", **options)
        self.servers.append(server)
        return server

    def close(self, server: Server) -> None:
        server.close()
        self.servers.remove(server)
        shutil.rmtree(server.directory, ignore_errors=True)



def pytest_collect_file(file_path):
    """Refuses a test file outside the folders."""
    if file_path.match("test_*.py") and file_path.parent.name not in FOLDERS:
        raise pytest.UsageError(f"{file_path.name}: move it into one of the folders {', '.join(FOLDERS)}")


def pytest_collection_modifyitems(items):
    """The contract's tests run after all others, and those marked `last` after them."""
    assert CONTRACT.exists(), f"{CONTRACT} has moved; say in conftest.py where it is"
    items.sort(key=lambda item: (item.get_closest_marker("last") is not None, item.path == CONTRACT))


def pytest_sessionfinish():
    observed.leave()


def pytest_report_header():
    return f"martlet: {BINARY}"


@pytest.fixture(scope="session")
def fleet():
    assert Path(BINARY).exists(), f"build the service first, or name it in MARTLET_BIN: {BINARY}"
    fleet = Fleet()
    yield fleet
    for server in list(fleet.servers):
        fleet.close(server)
    shutil.rmtree(fleet.base, ignore_errors=True)


@pytest.fixture(autouse=True)
def same_process_and_silent_log(request):
    """After every test each server still runs as the same process, and no secret is in its log (M1)."""
    if "fleet" not in request.fixturenames:
        yield
        return
    fleet = request.getfixturevalue("fleet")
    before = {server: server.pid for server in fleet.servers if server.runs and server.run.is_running}
    yield
    for server, pid in before.items():
        if server in fleet.servers and server.pid == pid:
            assert server.run.is_running, f"the service died:\n{server.log[-4000:]}"
    for server in fleet.servers:
        assert server.leaks() == [], "secrets in the log"


@pytest.fixture(scope="module")
def server(fleet):
    """One server for a module: RS256, HS256 for the audience `partner`, clients `shop` and `bank`."""
    server = fleet.make()
    server.shop = server.add_client("shop")
    server.bank = server.add_client("bank")
    server.start()
    yield server
    fleet.close(server)


@pytest.fixture
def make_server(fleet):
    """Makes servers for one test."""
    made = []

    def make(**options) -> Server:
        made.append(fleet.make(**options))
        return made[-1]

    yield make
    for server in made:
        assert server.leaks() == [], "secrets in the log"
        fleet.close(server)


@pytest.fixture(scope="session")
def vectors() -> Path:
    return VECTORS


@pytest.fixture(scope="session")
def is_full() -> bool:
    """Whether the long form was asked for, with MARTLET_TEST_FULL=1."""
    return FULL
