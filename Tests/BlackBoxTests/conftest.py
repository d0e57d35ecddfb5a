"""Fixtures: servers, and what must hold after every test that used one."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from harness import observed
from harness.gateways import program
from harness.process import BINARY
from harness.server import Server

HERE = Path(__file__).parent
VECTORS = HERE.parent / "Vectors"
FOLDERS = ("http", "tokens", "sessions", "journal", "cli", "operations", "store", "campaigns")
# Runs after every other file, wherever its folder comes in the alphabet: it compares what they have all seen.
CONTRACT = HERE / "http/test_zz_contract.py"
# What `make check` leaves out, by measured durations: files that take long or need the release binary, and long tests of
# files that are fast otherwise.
SLOW = {
    "cli/test_ci_page.py",
    "cli/test_cli_jws.py",
    "cli/test_cli_revocations.py",
    "cli/test_cli_verify.py::test_tokens_that_no_key_could_mend",
    "cli/test_terminal.py",
    "http/test_allocations.py",
    "http/test_bounds.py",
    "http/test_contract_algorithms.py",
    "http/test_hostile.py",
    "http/test_http2.py::test_h2load_loses_nothing",
    "http/test_http2.py::test_pings_keep_nothing_alive",
    "http/test_http2.py::test_slow_heads_content_and_readers_meet_their_deadlines",
    "http/test_http2.py::test_windows_are_given_back_however_requests_end",
    "http/test_http2_hostile.py",
    "http/test_no_request_lost.py",
    "http/test_proxies.py",
    "http/test_refused_content.py",
    "http/test_tls.py",
    "http/test_tls_audit.py",
    "http/test_vectors.py",
    "http/test_zz_contract.py",
    "journal/test_journal_tools.py",
    "journal/test_kill_nine.py",
    "journal/test_rollback.py",
    "journal/test_state_guard.py",
    "journal/test_unwell.py",
    "operations/test_access_log.py",
    "operations/test_activation.py",
    "operations/test_bench.py",
    "operations/test_containers.py",
    "operations/test_demo.py",
    "operations/test_examples.py",
    "operations/test_cookie_gateways.py",
    "operations/test_follower_of_a_server.py",
    "operations/test_following.py",
    "operations/test_gateway_backends.py",
    "operations/test_gateway_signin.py",
    "operations/test_gateway_tunnels.py",
    "operations/test_gateways.py",
    "operations/test_make_run.py",
    "operations/test_manager.py",
    "operations/test_packaging.py",
    "operations/test_start.py",
    "sessions/test_accounts.py::test_100000_users_are_imported_in_one_go",
    "sessions/test_accounts.py::test_imported_hashes_let_their_owner_in_and_become_argon2id",
    "sessions/test_client_module.py",
    "sessions/test_feed.py",
    "sessions/test_firefox.py",
    "sessions/test_guessed_secrets.py",
    "sessions/test_module_in_chromium.py",
    "sessions/test_password.py::test_a_change_beside_passwd_and_logout_leaves_one_password_and_no_old_session",
    "sessions/test_password.py::test_if_the_journal_fails_the_answer_says_what_has_changed",
    "sessions/test_password.py::test_no_login_with_the_old_password_outlives_the_change",
    "sessions/test_password.py::test_of_two_changes_at_once_one_wins",
    "sessions/test_other_sites.py",
    "sessions/test_pages_in_browser.py",
    "sessions/test_pages_in_firefox.py",
    "sessions/test_real_browser.py",
    "sessions/test_return_addresses.py",
    "sessions/test_rotation.py::test_two_hundred_parallel_refreshes_leave_one_living_branch",
    "sessions/test_spray.py",
    "sessions/test_tabs_in_trouble.py",
    "sessions/test_webkit.py",
    "store/test_cuts_over_nodes.py",
    "store/test_engine_answers.py",
    "store/test_engine_away.py",
    "store/test_engine_forgets.py",
    "store/test_failovers.py",
    "store/test_kills.py",
    "store/test_nodes_that_differ.py",
    "store/test_store_tools.py",
    "tokens/test_batch.py::test_a_revocation_before_the_batch_shows_in_it_a_thousand_times_under_load",
    "tokens/test_batch.py::test_a_stopping_server_finishes_the_batches_it_has_begun",
    "tokens/test_batch.py::test_content_of_one_mebibyte_is_read_and_one_byte_more_is_413",
    "tokens/test_batch.py::test_every_transport_carries_a_batch_of_256_never_seen_tokens",
    "tokens/test_client_libraries.py",
    "tokens/test_components.py",
    "tokens/test_key_changes.py",
    "tokens/test_keys.py",
    "tokens/test_outside_verifiers.py",
    "tokens/test_service_tokens.py",
    "tokens/test_signing.py::test_an_algorithm_of_a_client_or_an_audience_needs_its_key",
    "tokens/test_token_snippets.py",
    "tokens/test_scaling_page.py",
    "tokens/test_verifier_agreement.py",
    "tokens/test_verifier_clients.py",
    "tokens/test_verifier_middleware.py",
    "tokens/test_verifier_packages.py",
    "tokens/test_verifier_vectors.py",
    "sessions/test_shared_accounts.py",
    "store/test_session_data.py",
}
FULL = os.environ.get("MARTLET_TEST_FULL") == "1"
# Milliseconds. A page is there within a tenth of a second, unless the machine has much else to do.
expect.set_options(timeout=60_000)


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


def slow_name(item) -> str | None:
    """The entry of SLOW that names the test or its file."""
    file = item.path.relative_to(HERE).as_posix()
    return next((name for name in (file, f"{file}::{item.originalname}") if name in SLOW), None)


def is_there(name: str) -> bool:
    """Whether an entry of SLOW names a test that exists."""
    file, _, test = name.partition("::")
    return (HERE / file).exists() and (not test or f"def {test}(" in (HERE / file).read_text())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """The contract's tests run after all others, and those marked `last` after them."""
    assert CONTRACT.exists(), f"{CONTRACT} has moved; say in conftest.py where it is"
    gone = [name for name in SLOW if not is_there(name)]
    if gone:
        raise pytest.UsageError(f"SLOW in conftest.py names what does not exist: {gone}")
    for item in items:
        if slow_name(item):
            item.add_marker("slow")
    items.sort(key=lambda item: (item.get_closest_marker("last") is not None, item.path == CONTRACT))


def pytest_sessionfinish():
    observed.leave()


def pytest_terminal_summary(terminalreporter):
    """Writes the names of the tests that failed where MARTLET_TEST_FAILED says, one to a line."""
    if path := os.environ.get("MARTLET_TEST_FAILED"):
        reports = terminalreporter.stats.get("failed", []) + terminalreporter.stats.get("error", [])
        Path(path).write_text("".join(f"{name}\n" for name in dict.fromkeys(report.nodeid for report in reports)))


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


@pytest.fixture(scope="module")
def chromium():
    """A real browser, without its sandbox, which needs privileges that a container does not give."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def context(chromium):
    """A profile of its own for one test."""
    context = chromium.new_context(ignore_https_errors=True)
    context.set_default_timeout(60_000)
    yield context
    context.close()
