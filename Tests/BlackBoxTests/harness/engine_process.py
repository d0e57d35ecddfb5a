"""A database server that a test starts as its own child, and ends by its process id."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest


def needed(name: str) -> str:
    """The path of a program; without it the test is skipped, and says so."""
    found = shutil.which(name) or shutil.which(f"/usr/sbin/{name}")
    if not found:
        pytest.skip(f"{name} is not installed: scripts/install test")
    return found


def wait_until(condition, seconds: float, what: str):
    """Polls until `condition()` is true and returns what it answered. An `OSError` of it counts as false."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if found := condition():
                return found
        except OSError:
            pass
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        time.sleep(0.01)


class EngineProcess:
    """One server and the file of its log. Subclasses say how it is started and when it answers."""

    process: subprocess.Popen | None = None

    def __init__(self, directory: Path):
        self.directory = directory
        self.log_path = directory / "server.log"

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def spawn(self, command: list[str], **options) -> None:
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **options
            )

    def kill(self) -> None:
        """SIGKILL: the server gets no chance to write anything more."""
        if self.is_running:
            os.kill(self.process.pid, signal.SIGKILL)
        if self.process:
            self.process.wait()

    def stop(self, how: int = signal.SIGTERM, seconds: float = 20) -> None:
        if self.is_running:
            os.kill(self.process.pid, how)
        if self.process:
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                raise

    def freeze(self) -> None:
        """Stops the process; its kernel goes on accepting bytes, so this is no partition."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)
