"""The verifier clients as programs that a test drives in the same way."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from .process import ROOT

HERE = Path(__file__).parent
CLIENTS = ROOT / "clients/verifier"
NODE = os.environ.get("MARTLET_NODE") or shutil.which("node")
COMMANDS = {
    "js": [NODE, HERE / "verifier_driver.mjs", CLIENTS / "js/verifier.js"],
    "python": [sys.executable, HERE / "verifier_driver.py", CLIENTS / "python"],
}


class Verifier:
    """One client in a process of its own."""

    def __init__(self, language: str, **options):
        self.process = subprocess.Popen(
            [str(word) for word in COMMANDS[language]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "NODE_NO_WARNINGS": "1"},
            text=True,
        )
        assert "error" not in (made := self.ask("new", **options)), made

    def ask(self, op: str, **options) -> dict:
        self.process.stdin.write(json.dumps({"op": op} | options) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def code(self, token: str, **conditions) -> str:
        """The code with which a token is rejected, or an empty string."""
        answer = self.ask("verify", token=token, **conditions)
        assert "error" not in answer, answer
        return answer.get("code", "")

    @property
    def status(self) -> dict:
        return self.ask("status")

    def wait(self, condition, seconds: float = 10):
        """Polls the status until it fulfills the condition, and returns it."""
        deadline = time.monotonic() + seconds
        while not condition(status := self.status):
            assert time.monotonic() < deadline, status
            time.sleep(0.02)
        return status

    def wait_for_code(self, token: str, code: str, seconds: float = 10) -> float:
        """Verifies until the answer is `code`, and returns after how many seconds it was."""
        start = time.monotonic()
        while (found := self.code(token)) != code:
            assert time.monotonic() - start < seconds, (found, self.status)
            time.sleep(0.002)
        return time.monotonic() - start

    def close(self) -> None:
        if self.process.poll() is None:
            try:
                self.ask("close")
                self.process.stdin.close()
                self.process.wait(5)
            except (BrokenPipeError, ValueError, subprocess.TimeoutExpired):
                self.process.kill()
        self.process.wait()
        self.process.stdout.close()
