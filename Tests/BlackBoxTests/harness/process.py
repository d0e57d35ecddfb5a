"""One run of the release binary: its process, its log, its end."""

import array
import fcntl
import json
import os
import select
import signal
import subprocess
import termios
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BINARY = str(Path(os.environ.get("MARTLET_BIN", ROOT / ".build/release/martlet")).resolve())
START_SECONDS = 60
# Builds with a sanitizer (scripts/test-sanitized) are slower by far.
IS_SANITIZED = "TSAN_OPTIONS" in os.environ


class StartFailed(Exception):
    """The service ended, or fell silent, before it listened."""

    def __init__(self, code: int | None, text: str):
        super().__init__(f"exit code {code}:\n{text}")
        self.code = code
        self.text = text


def environment(settings: dict[str, object]) -> dict[str, str]:
    """Settings by their short names, as `access_ttl="5m"`, and nothing of ours beside them."""
    # From the fourth on for builds with a sanitizer (scripts/test-sanitized).
    names = ("PATH", "LANG", "TZ", "ASAN_OPTIONS", "TSAN_OPTIONS", "SWIFT_BACKTRACE", "LD_PRELOAD")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return kept | {f"MARTLET_{name.upper()}": str(value) for name, value in settings.items()}


class Run:
    """A started `martlet serve` and everything it has printed. `prefix` stands in front and must become the service."""

    def __init__(
        self,
        arguments: list[str],
        cwd: Path,
        settings: dict[str, object],
        preexec=None,
        prefix: tuple[str, ...] = (),
        passed: tuple[int, ...] = (),
    ):
        """`passed` are descriptors that stay open."""
        self.chunks: list[str] = []
        self.told = threading.Condition()
        self.process = subprocess.Popen(
            [*prefix, BINARY, *arguments],
            cwd=cwd,
            env=environment(settings),
            pass_fds=passed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=preexec,
        )
        self.pump = threading.Thread(target=self._read, daemon=True)
        self.pump.start()

    def _read(self) -> None:
        pipe = self.process.stdout.fileno()
        readable = select.poll()
        readable.register(pipe, select.POLLIN)
        rest = b""
        while True:
            readable.poll()
            # Taken from the pipe and kept under one lock: when the pipe is empty, `chunks` has everything.
            with self.told:
                piece = os.read(pipe, 65_536)
                *lines, rest = (rest + piece).split(b"\n")
                self.chunks += [line.decode("utf-8", "backslashreplace") + "\n" for line in lines]
                if not piece and rest:
                    self.chunks.append(rest.decode("utf-8", "backslashreplace"))
                self.told.notify_all()
            if not piece:
                return

    def catch_up(self, seconds: float = 5) -> None:
        """Waits until `chunks` has everything that the service has printed up to now."""
        deadline = time.monotonic() + seconds
        waiting = array.array("i", [0])
        while self.pump.is_alive() and time.monotonic() < deadline:
            with self.told:
                fcntl.ioctl(self.process.stdout.fileno(), termios.FIONREAD, waiting)
                if waiting[0] == 0:
                    return
            time.sleep(0.001)

    @property
    def text(self) -> str:
        self.catch_up()
        return "".join(self.chunks)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def events(self, name: str | None = None) -> list[dict]:
        """The log's JSON lines, or those with one event name."""
        self.catch_up()
        found = []
        for line in list(self.chunks):
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and (name is None or entry.get("event") == name):
                found.append(entry)
        return found

    def await_listening(self, count: int) -> None:
        """Returns once `count` addresses are bound."""
        deadline = time.monotonic() + START_SECONDS
        with self.told:
            while sum("listening" in line for line in self.chunks) < count and self.is_running:
                self.told.wait(0.05)
                if time.monotonic() > deadline:
                    break
            else:
                if self.is_running:
                    return
        # Outside of the lock, which the pump needs for the last lines.
        if self.is_running:
            self.kill()
            raise StartFailed(None, self.text)
        self.pump.join(2)
        raise StartFailed(self.process.returncode, self.text)

    def kill(self) -> None:
        if self.is_running:
            os.kill(self.pid, signal.SIGKILL)
        self.process.wait()
        self.pump.join(2)

    def stop(self, seconds: float = 15) -> int:
        """SIGTERM, then the exit code."""
        if self.is_running:
            os.kill(self.pid, signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self.pump.join(2)
        return code


def command(*arguments: str, cwd: Path, stdin: bytes | str = b"", **settings) -> subprocess.CompletedProcess:
    """Runs one command of the binary to its end."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    done = subprocess.run(
        [BINARY, *arguments], cwd=cwd, env=environment(settings), input=stdin, capture_output=True, timeout=30
    )
    done.stdout = done.stdout.decode("utf-8", "backslashreplace")
    done.stderr = done.stderr.decode("utf-8", "backslashreplace")
    return done
