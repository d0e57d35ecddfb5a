"""Engines and clusters for the tests of several nodes."""

import itertools
import tempfile
from pathlib import Path

import pytest

from harness.cluster import Cluster
from harness.engines import ENGINES
from harness.postgres_server import remove_template

# Of these files the tests that every run has, in their short forms; make test-cluster runs all of them, in their long ones.
IN_EVERY_RUN = {
    "test_cuts_over_nodes.py": {"test_a_login_that_began_behind_a_cut_is_ended_by_it"},
    "test_engine_answers.py": {
        "test_a_start_that_meets_an_engine_that_does_not_answer_yet_heals",
        "test_nonsense_acknowledges_nothing_and_kills_nothing",
        "test_redis_is_out_of_memory",
    },
    "test_engine_away.py": {"test_a_half_open_connection_is_found_within_the_timeout"},
    "test_engine_forgets.py": {"test_a_flushed_engine_is_told_everything_that_lives"},
    "test_failovers.py": {"test_a_wait_for_a_standby_that_is_cancelled_is_no_acknowledgement"},
    "test_kills.py": {"test_kill_nine_of_an_engine_under_load", "test_kill_nine_of_a_node_under_load"},
    "test_nodes_that_differ.py": {"test_a_clock_that_is_off_is_told_and_issues_nothing"},
    "test_one_rotation.py": {"test_a_token_rotated_by_one_node_is_replayed_by_the_others_and_its_parent_betrays_a_thief"},
    "test_strict.py": {"test_settings_of_the_role_count_as_well", "test_replicas_that_do_not_exist_are_rejected"},
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Marks what only make test-cluster runs."""
    files = {path.name: path.read_text() for path in Path(__file__).parent.glob("test_*.py")}
    for file, names in IN_EVERY_RUN.items():
        gone = [name for name in names if f"def {name}(" not in files[file]]
        assert not gone, f"conftest.py names what does not exist in {file}: {gone}"
    for item in items:
        quick = IN_EVERY_RUN.get(item.path.name)
        if item.path.parent == Path(__file__).parent and quick is not None and item.originalname not in quick:
            item.add_marker("cluster")


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
