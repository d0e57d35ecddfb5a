"""What a service manager is told over NOTIFY_SOCKET, the unit it reads, and readiness across reloads."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from harness.process import ROOT
from harness.wire import Wire, request


class Notices:
    """A service manager's socket: a path, or an abstract name."""

    def __init__(self, address: str):
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.settimeout(30)

    def next(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())



@pytest.fixture(params=["path", "abstract"])
def notices(request, tmp_path):
    address = f"{tmp_path}/n" if request.param == "path" else f"@martlet-test-{os.getpid()}-{time.monotonic_ns()}"
    notices = Notices(address)
    yield notices
    notices.socket.close()


def managed(make_server, *variables: str, **settings):
    server = make_server(**settings)
    server.prefix = ("env", *variables)
    return server


def test_a_manager_is_told_of_start_reload_and_end(make_server, notices):
    server = managed(make_server, f"NOTIFY_SOCKET={notices.address}").start()
    assert notices.next() == {"READY": "1", "STATUS": "Serving"}

    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000
    os.kill(server.pid, signal.SIGHUP)
    reloading = notices.next()
    assert reloading["RELOADING"] == "1"
    assert before <= int(reloading["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000
    assert notices.next() == {"READY": "1", "STATUS": "Serving"}

    server.users_path.write_text("{")
    os.kill(server.pid, signal.SIGHUP)
    assert notices.next()["RELOADING"] == "1"
    assert notices.next() == {"READY": "1", "STATUS": "Serving; reload failed: users"}

    os.kill(server.pid, signal.SIGTERM)
    assert notices.next()["STOPPING"] == "1"
    assert server.run.process.wait(15) == 0


def test_a_watchdog_hears_from_a_service_whose_loops_turn_and_from_no_other(make_server, notices):
    server = managed(make_server, f"NOTIFY_SOCKET={notices.address}", "WATCHDOG_USEC=1000000").start()
    assert notices.next()["READY"] == "1"
    for _ in range(2):
        assert notices.next() == {"WATCHDOG": "1"}
    os.kill(server.pid, signal.SIGSTOP)
    notices.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        while True:
            notices.next()
    os.kill(server.pid, signal.SIGCONT)
    notices.socket.settimeout(30)
    assert notices.next() == {"WATCHDOG": "1"}
    assert server.stop() == 0


def test_a_watchdog_of_another_process_is_left_alone(make_server, notices):
    server = managed(make_server, f"NOTIFY_SOCKET={notices.address}", "WATCHDOG_USEC=20000", "WATCHDOG_PID=1").start()
    assert notices.next()["READY"] == "1"
    os.kill(server.pid, signal.SIGTERM)
    assert notices.next()["STOPPING"] == "1"
    assert server.run.process.wait(15) == 0


@pytest.mark.parametrize("address", ["/nonexistent/notify", "@martlet-nobody-listens", "vsock:2:1", "relative", "@", "/" + "x" * 200])
def test_a_manager_that_cannot_be_reached_changes_nothing(make_server, address):
    server = managed(make_server, f"NOTIFY_SOCKET={address}", "WATCHDOG_USEC=1000000").start()
    server.wait_for(lambda: server.events("notify_failed"), what="the warning")
    assert server.events("notify_failed")[0]["level"] == "warning"
    assert server.verify(server.login().access).status_code == 200
    assert server.stop() == 0


def test_without_a_manager_nothing_is_said(make_server):
    server = managed(make_server, "NOTIFY_SOCKET=").start()
    assert server.stop() == 0
    assert server.events("notify_failed") == []


# Draining


def test_the_drain_delay_can_be_set(make_server):
    """New connections are taken for as long as it says, and readiness fails meanwhile."""
    server = make_server(drain_delay="3s").start()
    os.kill(server.pid, signal.SIGTERM)
    server.wait_for(lambda: server.events("draining"))
    time.sleep(1.5)
    with Wire(server.address) as wire:
        wire.send(request("GET", "/healthz"))
        answer = wire.answer()
        assert answer.status == 200 and answer["connection"] == "close"
    assert server.operator.get("/readyz").json()["reasons"] == ["draining"]
    assert server.run.process.wait(15) == 0


def test_a_drain_delay_of_zero_ends_at_once(make_server):
    server = make_server(drain_delay="0s").start()
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 10


# Reloads


def reload_metrics(server, source: str) -> int:
    return server.metric(f'martlet_reload_last_success{{source="{source}"}}')


def test_a_failed_reload_degrades_the_service_and_leaves_it_ready(make_server):
    server = make_server().start()
    assert server.operator.get("/readyz").json() == {"status": "ready", "reasons": [], "degraded": []}
    assert reload_metrics(server, "users") == 1
    stamp = server.metric('martlet_reload_last_success_timestamp_seconds{source="users"}')
    assert abs(stamp - time.time()) < 60
    good = server.users_path.read_text()
    server.users_path.write_text(good + ",")
    server.wait_for(lambda: server.events("reload_failed"))
    ready = server.operator.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ready", "reasons": [], "degraded": ["users_reload_failed"]}
    assert reload_metrics(server, "users") == 0 and reload_metrics(server, "clients") == 1
    assert server.metric('martlet_reload_last_success_timestamp_seconds{source="users"}') == stamp
    assert server.login().access
    server.users_path.write_text(good)
    server.wait_for(lambda: server.operator.get("/readyz").json()["degraded"] == [])
    assert reload_metrics(server, "users") == 1


def test_metrics_tell_of_the_process_and_its_version(make_server):
    server = make_server().start()
    text = server.operator.get("/metrics").text
    version = server.cli("version").stdout.strip()
    assert re.search(r'^martlet_build_info\{version="[^"]+"\} 1$', text, re.M)
    assert re.search(r'version="([^"]+)"', text)[1] in version
    assert abs(server.metric("process_start_time_seconds") - time.time()) < 60
    resident = int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{server.pid}/status").read_text())[1]) * 1024
    assert resident / 2 < server.metric("process_resident_memory_bytes") < resident * 2
    assert server.metric("process_virtual_memory_bytes") > server.metric("process_resident_memory_bytes")
    open_now = len(os.listdir(f"/proc/{server.pid}/fd"))
    assert abs(server.metric("process_open_fds") - open_now) <= 3
    limit = re.search(r"^Max open files +(\d+)", Path(f"/proc/{server.pid}/limits").read_text(), re.M)[1]
    assert server.metric("process_max_fds") == int(limit)
    assert re.search(r"^process_cpu_seconds_total \d+\.\d+", text, re.M)
    assert "martlet_tls_certificate_expiry_timestamp_seconds" not in text


# The unit


def unit() -> dict[str, list[str]]:
    """The settings of deploy/systemd/martlet.service; one may be given several times."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "deploy/systemd/martlet.service").read_text().splitlines():
        if line and line[0] not in "#[":
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


def test_the_unit_takes_the_service_for_started_when_it_says_so():
    settings = unit()
    assert settings["Type"] == ["notify"] and int(settings["WatchdogSec"][0]) >= 10
    assert settings["Restart"] == ["on-failure"]
    # 75 is retried: it is a failure that is not in this list.
    assert settings["RestartPreventExitStatus"] == ["2"]


def test_the_unit_is_hardly_exposed():
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not here")
    path = ROOT / "deploy/systemd/martlet.service"
    done = subprocess.run(
        [tool, "security", "--offline=yes", "--no-pager", str(path)], capture_output=True, text=True, timeout=30
    )
    exposure = re.search(r"exposure level for martlet.service: ([0-9.]+)", done.stdout)
    assert exposure, done.stdout + done.stderr
    assert float(exposure[1]) <= 2.0


def test_the_unit_and_the_socket_have_no_mistakes(tmp_path):
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not here")
    for name in ("martlet.service", "martlet.socket"):
        text = (ROOT / "deploy/systemd" / name).read_text()
        # The binary is not installed here.
        (tmp_path / name).write_text(text.replace("/usr/local/bin/martlet", "/bin/true").replace("User=martlet", "User=root"))
    done = subprocess.run(
        [tool, "verify", str(tmp_path / "martlet.service"), str(tmp_path / "martlet.socket")],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "martlet." in line]
    assert complaints == []
