"""What `make run` does before and around the service: installing, the first user, and the five lines it prints."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from harness.server import free_port

ROOT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("MARTLET_BIN", ROOT / ".build/release/martlet")).resolve()


def stub(folder, name, script):
    path = folder / name
    path.write_text("#!/bin/bash\n" + script + "\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path):
    """A function that runs scripts/install on a pretended machine, and returns its output and what apt-get was told."""

    def run(*steps, present=(), uid=0, lists=True):
        tools = tmp_path / "tools"
        tools.mkdir(exist_ok=True)
        calls = tmp_path / "calls"
        calls.write_text("")
        installed = " ".join(present)
        stub(tools, "id", f"echo {uid}")
        stub(tools, "sudo", f'echo sudo >> {calls}; exec "$@"')
        stub(tools, "dpkg-query", f'for n; do [[ " {installed} " == *" $n "* ]] && echo "$n installed"; done; exit 1')
        # The first installation fails as it does where the package lists were never fetched.
        ready = tmp_path / "lists"
        ready.touch() if lists else ready.unlink(missing_ok=True)
        stub(tools, "apt-get", f'echo "$*" >> {calls}; [[ $* == *update* ]] && touch {ready}; [ -e {ready} ]')
        environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
        command = [ROOT / "scripts/install", *steps]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout, calls.read_text()

    return run


def listed(step):
    rows = [line.split(None, 2) for line in (ROOT / "scripts/packages").read_text().splitlines()]
    return {row[0]: row[2] for row in rows if len(row) == 3 and row[0] != "#" and step in row[1].split(",")}


def test_nothing_is_done_when_nothing_is_missing(machine):
    assert machine("build", present=listed("build")) == ("", "")


def test_each_missing_package_is_named_with_its_reason_and_only_those_are_installed(machine):
    present = [name for name in listed("build") if name not in ("libssl-dev", "pkg-config")]
    said, calls = machine("build", present=present)
    for name in ("libssl-dev", "pkg-config"):
        assert re.search(rf"^  {name} +{re.escape(listed('build')[name])}$", said, re.M)
    assert not any(re.search(rf"\b{re.escape(name)}\b +\S", said) for name in present)
    assert len(calls.splitlines()) == 1
    assert calls.split("--no-install-recommends ")[1].split() == ["libssl-dev", "pkg-config"]


def test_the_package_lists_are_fetched_only_when_installing_fails_without(machine):
    assert "update" not in machine("build", lists=True)[1]
    calls = machine("build", lists=False)[1].splitlines()
    assert ["update" in call for call in calls] == [False, True, False]


def test_sudo_is_used_by_everyone_but_root(machine):
    assert "sudo" not in machine("build", uid=0)[1]
    assert "sudo" in machine("build", uid=1000)[1]


# The service behind scripts/serve.


class Run:
    """scripts/serve with settings of its own, and what it prints."""

    def __init__(self, folder):
        self.port = free_port()
        own = {
            "MARTLET_BIN": str(BINARY),
            "MARTLET_LISTEN": f"127.0.0.1:{self.port}",
            "MARTLET_OPERATOR_LISTEN": f"127.0.0.1:{free_port()}",
            "MARTLET_STATE": str(folder / "var"),
            "MARTLET_KEYS": str(folder / "keys"),
            "MARTLET_USERS": str(folder / "users.json"),
            "MARTLET_CLIENTS": str(folder / "clients.json"),
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MARTLET_")}
        self.out, self.log = folder / "out", folder / "log"
        with self.out.open("w") as out, self.log.open("w") as log:
            self.process = subprocess.Popen([ROOT / "scripts/serve"], env={**kept, **own}, stdout=out, stderr=log)
        deadline = time.monotonic() + 20
        while self.log.read_text().count('"listening"') < 2:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(self.out.read_text() + self.log.read_text())
            time.sleep(0.05)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


@pytest.mark.skipif(not BINARY.exists(), reason="the release binary is not built")
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
def test_the_five_lines_log_in_verify_refresh_revoke_and_are_then_refused(tmp_path):
    run = Run(tmp_path)
    try:
        lines = [line for line in run.out.read_text().splitlines() if "curl -sS" in line]
        assert len(lines) == 5
        script = "\necho; echo =====\n".join(lines)
        (shell := tmp_path / "shell").mkdir()
        pasted = subprocess.run(["bash", "-c", script], cwd=shell, capture_output=True, text=True, timeout=60)
        assert pasted.stderr == ""
        login, verified, refreshed, revoked, refused = pasted.stdout.split("=====\n")
        assert json.loads(login)["token_type"] == "Bearer"
        assert verified.startswith("HTTP/1.1 200") and '"active":true' in verified.replace(" ", "")
        assert json.loads(refreshed)["refresh_token"] != json.loads(login)["refresh_token"]
        assert revoked.startswith("HTTP/1.1 200")
        assert refused.startswith("HTTP/1.1 401") and "token_revoked" in refused
        password = re.search(r"^    (\S{24})$", run.out.read_text(), re.M).group(1)
        assert password not in (tmp_path / "users.json").read_text()
    finally:
        assert run.stop() == 0

    again = Run(tmp_path)
    assert again.stop() == 0
    assert password not in again.out.read_text()
    assert "demo" not in again.out.read_text()
