"""The access log: what its lines say and what they never say, rotation, sampling, and a reader that does not keep up."""

import fcntl
import json
import os
import re
import shutil
import signal
import ssl
import stat
import threading
import time

import pytest

from harness.accounts import AMY
from harness.certificates import Pair, trusting
from harness.http2 import HTTP2Client
from harness.wire import Wire, request

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NAMES = [
    "time", "request_id", "traceparent_in", "traceparent_out", "method", "route", "status", "bytes_in", "bytes_out",
    "us", "peer", "protocol", "tls", "client_subject",
]  # fmt: skip


class Logged:
    """A server that writes an access log, and its lines."""

    def __init__(self, make_server, **settings):
        # Of several loops the lines of one may come before earlier ones of another.
        self.server = make_server(**{"threads": 1} | settings)
        self.path = self.server.directory / "access.log"
        self.server.settings.setdefault("access_log", self.path)

    def lines(self, count: int, path=None) -> list[dict]:
        """Returns once so many lines are there, and not one more."""

        def read() -> list[str]:
            return (path or self.path).read_text().splitlines(keepends=True)

        self.server.wait_for(lambda: len(read()) >= count, what=f"{count} lines of the access log")
        found = read()
        assert len(found) == count and all(line.endswith("\n") for line in found)
        return [json.loads(line) for line in found]

    def outcome(self, name: str) -> int:
        page = self.server.operator.get("/metrics").text
        return int(re.search(rf'martlet_access_log_lines_total{{outcome="{name}"}} (\d+)', page).group(1))


@pytest.fixture
def make_logged(make_server):
    return lambda **settings: Logged(make_server, **settings)


def test_off_by_default_and_without_a_trace(server):
    assert "traceresponse" not in server.http.get("/healthz", headers={"traceparent": TRACE}).headers
    assert "martlet_access_log" not in server.operator.get("/metrics").text


def test_a_line_says_what_was_asked_and_answered_and_nothing_secret(make_logged):
    logged = make_logged()
    server = logged.server.start()
    session = server.login()
    bearer = {"Authorization": f"Bearer {session.access}"}
    body = server.http.get("/verify", headers=bearer | {"traceparent": TRACE}).content
    server.http.get("/auth?aud=api&scope=read", headers=bearer | {"Cookie": "biscuit=1"})
    refused = server.http.get("/no/such/path?x=y")
    server.http.request("BREW", "/verify")
    server.http.head("/healthz")
    with server.wire() as wire:
        wire.send(b"GET / HTTP/1.1\r\nBad Field: smuggled\r\n\r\n")
        assert wire.answer().status == 400
    with server.wire() as wire:
        wire.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert wire.answer().status == 200
    lines = logged.lines(8)
    login, verify, auth, missing, brewed, head, broken, old = lines
    assert stat.S_IMODE(logged.path.stat().st_mode) & 0o137 == 0

    assert list(verify) == [name for name in NAMES if name not in ("tls", "client_subject")]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", verify["time"])
    assert verify["traceparent_in"] == TRACE
    assert verify | {"method": "GET", "route": "/verify", "status": 200, "bytes_in": 0} == verify
    assert verify["bytes_out"] == len(body) and 0 <= verify["us"] < 10_000_000
    assert verify["peer"] == "127.0.0.1" and verify["protocol"] == "http/1.1"
    assert login["route"] == "/login" and login["method"] == "POST" and login["us"] > 1_000
    assert login["bytes_in"] > len(AMY.password) and login["bytes_out"] > 500
    assert auth["route"] == "/auth" and auth["status"] == 200
    assert (missing["route"], missing["status"]) == ("other", 404)
    assert missing["request_id"] == refused.json()["request_id"]
    assert (brewed["method"], brewed["route"], brewed["status"]) == ("other", "/verify", 501)
    assert (head["method"], head["bytes_out"]) == ("HEAD", 0)
    assert (broken["route"], broken["status"], broken["peer"]) == ("other", 400, "127.0.0.1")
    assert old["protocol"] == "http/1.0"
    assert len({line["request_id"] for line in lines}) == len(lines)

    text = logged.path.read_text()
    for word in (*session.access.split("."), session.refresh, AMY.password, AMY.name, "quiet", "biscuit", "smuggled"):
        assert word not in text
    for word in ("no/such", "x=y", "BREW"):
        assert word not in text
    assert logged.outcome("dropped") == 0 and logged.outcome("written") >= 8


@pytest.mark.parametrize(
    "sent",
    [
        TRACE.upper(), TRACE[:-1], TRACE + "0", TRACE + "-", "ff" + TRACE[2:], "0" + TRACE, TRACE.replace("-", "_"),
        f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01", "", "00",
        "01" + TRACE[2:] + "x", TRACE.replace("4bf9", "4bg9"), "\"" + TRACE + "\"", "é" * 27 + "x",
    ],
)  # fmt: skip
def test_a_bad_traceparent_is_ignored_and_a_fresh_one_made(logged_once, sent):
    answer = logged_once.server.http.get("/healthz", headers={"traceparent": sent.encode()})
    fresh = answer.headers["traceresponse"]
    assert answer.status_code == 200 and re.fullmatch(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01", fresh)
    assert TRACE[3:35] not in fresh
    logged_once.server.wait_for(lambda: fresh in logged_once.path.read_text(), what="the line")
    line = json.loads(next(line for line in logged_once.path.read_text().splitlines() if fresh in line))
    assert "traceparent_in" not in line and line["traceparent_out"] == fresh


@pytest.fixture(scope="module")
def logged_once(fleet):
    made = []

    def make(**settings):
        made.append(fleet.make(**settings))
        return made[-1]

    logged = Logged(make)
    logged.server.start()
    yield logged
    for server in made:
        fleet.close(server)


@pytest.mark.parametrize("sent", [TRACE, TRACE[:-1] + "0", "01" + TRACE[2:], "cc" + TRACE[2:] + "-more", TRACE[:-2] + "ff"])
def test_a_good_traceparent_goes_on(logged_once, sent):
    """The trace's id and its sampled flag stay, the step is ours; a later version is answered in ours."""
    out = logged_once.server.http.get("/healthz", headers={"traceparent": sent}).headers["traceresponse"]
    flag = "01" if sent[53:55] in ("01", "ff") else "00"
    assert re.fullmatch(rf"00-{sent[3:35]}-[0-9a-f]{{16}}-{flag}", out) and sent[36:52] not in out


def test_two_traceparents_are_none(logged_once):
    with logged_once.server.wire() as wire:
        wire.send(f"GET /healthz HTTP/1.1\r\nHost: x\r\ntraceparent: {TRACE}\r\ntraceparent: {TRACE}\r\n\r\n".encode())
        assert TRACE[3:35] not in wire.answer().headers["traceresponse"]


def test_the_other_log_names_the_trace(logged_once):
    server = logged_once.server
    server.http.post("/login", json={"username": "amy", "password": "wrong"}, headers={"traceparent": TRACE})

    def is_named() -> bool:
        return any(event.get("trace_id") == TRACE[3:35] for event in server.events("login_refused"))

    server.wait_for(is_named, what="the trace's name")


def test_deferred_answers_and_requests_of_one_connection_each_get_a_line(make_logged):
    logged = make_logged(threads=2)
    server = logged.server.start()
    session = server.login()
    assert server.http.post("/refresh", json={"refresh_token": session.refresh}).status_code == 200
    with server.wire() as wire:
        wire.send(request("GET", "/healthz") * 16)
        assert [wire.answer().status for _ in range(16)] == [200] * 16
    # Each loop has a ring of its own: lines of the two connections may stand in either order.
    routes = [line["route"] for line in logged.lines(18)]
    assert sorted(routes) == ["/healthz"] * 16 + ["/login", "/refresh"]


def test_http2_streams_get_lines_of_their_own(make_logged):
    logged = make_logged()
    server = logged.server.start()
    with HTTP2Client(server.address) as client:
        body = json.dumps({"username": AMY.name, "password": AMY.password}).encode()
        assert client.post("/login", body).status == 200
        answer = client.get("/healthz", headers=[("traceparent", TRACE)])
        assert answer.headers["traceresponse"].startswith(TRACE[:36])
    login, health = logged.lines(2)
    assert (login["protocol"], login["route"], login["bytes_in"]) == ("h2", "/login", len(body))
    assert health["traceparent_in"] == TRACE and health["protocol"] == "h2"


def test_tls_and_the_client_certificate_are_named_and_escaped(make_logged):
    root = Pair("root", authority=True)
    own = Pair("localhost", root)
    name = 'jo "the\u001b[31m\nbackend" ü'
    logged = make_logged()
    server = logged.server
    certificate, key = own.write(server.directory, "own")
    root_path, _ = root.write(server.directory, "root")
    paths = Pair(name, root).write(server.directory, "client")
    server.settings |= {
        "listen": f"https://127.0.0.1:{server.port}", "tls_cert": certificate, "tls_key": key,
        "tls_client_ca": root_path, "issuer": f"https://127.0.0.1:{server.port}",
    }  # fmt: skip
    server.start()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = trusting(root_path, paths, minimum_version=version, maximum_version=version)
        with server.wire() as wire:
            wire.socket = context.wrap_socket(wire.socket, server_hostname="localhost")
            wire.send(request("GET", "/healthz"))
            assert wire.answer().status == 200
    lines = logged.lines(2)
    assert [line["tls"] for line in lines] == ["1.2", "1.3"]
    assert list(lines[0]) == [known for known in NAMES if known != "traceparent_in"]
    for line in lines:
        assert line["client_subject"].startswith("CN=jo") and line["client_subject"].endswith("ü")
    assert "\x1b" not in logged.path.read_text()


def test_rotation_by_renaming_and_sighup_loses_no_line(make_logged):
    """Under load: before the signal lines go to the renamed file, after it to a new one; together they are all there."""
    logged = make_logged()
    server = logged.server.start()
    asked = [0, 0]
    ends = threading.Event()

    def ask(index: int) -> None:
        with Wire(server.address) as wire:
            while not ends.is_set() and asked[index] < 200_000:
                wire.send(request("GET", "/healthz") * 8)
                for _ in range(8):
                    assert wire.answer().status == 200
                    asked[index] += 1
                # No faster than a writer can keep up with that stands still for a while.
                time.sleep(0.005)

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    older = [logged.path.with_name(f"access.log.{number}") for number in range(3)]
    for number, path in enumerate(older):
        server.wait_for(lambda: logged.path.exists() and logged.path.stat().st_size > 0, what="lines")
        logged.path.rename(path)
        os.kill(server.pid, signal.SIGHUP)
        server.wait_for(lambda: len(server.events("access_log_reopened")) > number, what="the new file")
    ends.set()
    for thread in threads:
        thread.join(20)
    assert server.stop() == 0
    counts = [len([json.loads(line) for line in path.read_text().splitlines()]) for path in (*older, logged.path)]
    assert sum(counts) == sum(asked) and all(counts[:3])


def test_a_file_that_cannot_be_opened_stops_the_start_and_at_a_reopening_keeps_the_old_one(make_logged):
    logged = make_logged(access_log="/no/such/directory/access.log")
    failure = logged.server.fail_to_start()
    assert failure.code == 75 and "MARTLET_ACCESS_LOG: /no/such/directory/access.log" in failure.text
    logged = make_logged()
    server = logged.server.start()
    assert server.http.get("/healthz").status_code == 200
    kept = logged.path.with_name("kept")
    logged.path.rename(kept)
    logged.path.mkdir()
    os.kill(server.pid, signal.SIGHUP)
    server.wait_for(lambda: server.events("access_log_failed"), what="the refusal")
    assert server.http.get("/healthz").status_code == 200
    logged.lines(2, kept)


def test_a_sample_leaves_lines_out_but_never_those_of_our_own_faults(make_logged):
    logged = make_logged(access_log_sample="0.25")
    server = logged.server.start()
    with server.wire() as wire:
        for _ in range(40):
            wire.send(request("GET", "/healthz") * 50)
            for _ in range(50):
                answer = wire.answer()
                assert answer.status == 200 and "traceresponse" in answer.headers
    assert server.stop() == 0
    # 2,000 drawn with 1/4: six standard deviations are 117.
    assert 383 <= len(logged.path.read_text().splitlines()) <= 617

    logged = make_logged(access_log_sample="0", hash_queue="1", hash_workers="1")
    server = logged.server.start()
    assert server.http.get("/healthz").status_code == 200
    # A login writes to the journal, too.
    session = server.login()
    shutil.rmtree(server.state_path)
    statuses = [server.http.post("/logout", headers={"Authorization": f"Bearer {session.access}"}).status_code]
    assert statuses == [503]
    lines = logged.lines(1)
    assert (lines[0]["status"], lines[0]["route"]) == (503, "/logout")


def test_standard_error_has_whole_lines_of_both_logs(make_logged):
    logged = make_logged(access_log="stderr")
    server = logged.server.start()
    threads = [threading.Thread(target=server.http.get, args=("/nowhere",)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    server.wait_for(lambda: len([event for event in server.events() if "route" in event]) == 20, what="20 lines")
    assert len(server.events("request_refused")) == 20
    assert all(json.loads(line) for line in server.run.text.splitlines())


def test_a_pipe_that_nobody_reads_costs_lines_and_no_answers(make_logged):
    """The pipe fills up, then each loop's room; verifying goes on at its pace, and what is dropped is counted."""
    logged = make_logged(threads=2)
    server = logged.server
    os.mkfifo(logged.path)
    reader = os.open(logged.path, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, 1031, 4096)  # F_SETPIPE_SZ: the least there is
    server.start()
    token = server.login().access
    batch = request("GET", "/verify", Authorization=f"Bearer {token}") * 16
    slowest, asked = 0.0, 0
    with Wire(server.address) as wire:
        # A loop's room is 1 MiB, a line some 350 octets.
        while logged.outcome("dropped") == 0:
            assert asked < 40_000, "nothing is dropped"
            for _ in range(50):
                began = time.monotonic()
                wire.send(batch)
                assert [wire.answer().status for _ in range(16)] == [200] * 16
                slowest = max(slowest, time.monotonic() - began)
                asked += 16
        # A loop that waited for the pipe would wait for ever.
        assert slowest < 5 and asked > 2_000
        dropped = logged.outcome("dropped")
        for _ in range(50):
            wire.send(batch)
            assert [wire.answer().status for _ in range(16)] == [200] * 16
    assert logged.outcome("dropped") >= dropped + 400
    server.wait_for(lambda: server.events("access_log_lines_dropped"), what="a word of it")

    # Somebody reads again: whole lines come, and nothing is dropped any more.
    octets = bytearray()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and len(octets) < 500_000:
        try:
            octets += os.read(reader, 65_536)
        except BlockingIOError:
            time.sleep(0.01)
    lines = octets[: octets.rindex(b"\n")].splitlines()
    assert len(lines) > 1_000 and all(json.loads(line)["status"] in (200, 204) for line in lines)
    assert server.stop() == 0
    os.close(reader)


def test_a_full_disk_is_told_once_and_heals(make_logged):
    """/dev/full takes nothing; a file in its place, after SIGHUP, takes everything."""
    logged = make_logged()
    server = logged.server
    logged.path.symlink_to("/dev/full")
    server.start()
    for _ in range(3):
        assert server.http.get("/healthz").status_code == 200
        time.sleep(0.15)
    server.wait_for(lambda: logged.outcome("dropped") >= 3, what="dropped lines")
    assert len(server.events("access_log_failed")) == 1
    logged.path.unlink()
    os.kill(server.pid, signal.SIGHUP)
    server.wait_for(lambda: server.events("access_log_reopened"), what="the new file")
    assert server.http.get("/healthz").status_code == 200
    server.wait_for(lambda: server.events("access_log_healed"), what="the end of it")
    server.wait_for(lambda: '"route":"/healthz"' in logged.path.read_text(), what="the line")


def test_the_last_lines_are_there_after_sigterm(make_logged):
    logged = make_logged()
    server = logged.server.start()
    for _ in range(5):
        server.http.get("/healthz")
    assert server.stop() == 0
    assert len(logged.path.read_text().splitlines()) == 5
