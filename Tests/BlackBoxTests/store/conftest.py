"""Engines and clusters for the tests of several nodes."""

import itertools
import tempfile
from pathlib import Path

import pytest

from harness.cluster import Cluster
from harness.engines import ENGINES
from harness.postgres_server import remove_template


@pytest.fixture
def base():
    """A directory with a short path, since those of Unix sockets are bounded."""
    with tempfile.TemporaryDirectory(prefix="mc-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(scope="session", autouse=True)
def no_template_is_left():
    yield
    remove_template()


@pytest.fixture(params=list(ENGINES))
def engine(request, base):
    """A real engine: the test runs with each kind."""
    made = ENGINES[request.param](base)
    yield made
    made.close()


@pytest.fixture
def redis(base):
    made = ENGINES["redis"](base)
    yield made
    made.close()


@pytest.fixture
def postgres(base):
    made = ENGINES["postgres"](base)
    yield made
    made.close()


@pytest.fixture
def make_cluster(base):
    """Makes clusters that are not started yet; at the end no secret is in a log, and no node has died by itself."""
    made: list[Cluster] = []
    numbers = itertools.count(1)

    def make(store, count: int = 3, **settings) -> Cluster:
        made.append(Cluster(base / f"cluster{next(numbers)}", store, count, **settings))
        return made[-1]

    yield make
    for cluster in made:
        try:
            assert cluster.leaks() == [], "secrets in a log"
            for node in cluster:
                ended = [run.process.returncode for run in node.runs if not run.is_running]
                # SIGKILL is ours; a trap is SIGILL, SIGTRAP or SIGABRT.
                assert all(code >= 0 or code == -9 for code in ended), f"a node ended with {ended}:\n{node.log[-3000:]}"
        finally:
            cluster.close()
