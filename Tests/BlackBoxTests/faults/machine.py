"""What a fault needs of this machine: programs, mounts, block devices, and everything put back afterwards."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from harness.server import Server

from .ledger import Ledger
from .load import PEOPLE, Load, Mint

ALL_THREADS = "/proc/{}/task"
PRELOADS = Path("/usr/lib/x86_64-linux-gnu")


class Missing(Exception):
    """The machine lacks what the scenario needs; the text says what."""


def need(*programs: str) -> None:
    for program in programs:
        if not shutil.which(program):
            raise Missing(f"{program} is not installed")


def need_root() -> None:
    if os.geteuid() != 0:
        raise Missing("mounting needs root")


def library(path: Path) -> str:
    if not path.exists():
        raise Missing(f"{path} is not installed")
    return str(path)


def attempt(*command: object) -> None:
    """Runs what a container may be forbidden to do: its refusal is a reason to skip, not to fail."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing(f"{' '.join(map(str, command[:3]))}: {(done.stderr or done.stdout).strip()[:200]}")


def run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def wait_for(condition, seconds: float, what: str):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        time.sleep(0.01)
    return found


class Stage(contextlib.ExitStack):
    """A directory, a ledger, and servers; leaving it ends the servers and unmounts what was mounted, in that order."""

    def __init__(self, full: bool = False, seed: int = 0):
        super().__init__()
        self.full, self.seed = full, seed
        self.base = Path(tempfile.mkdtemp(prefix="mf-"))
        self.callback(self._clear)
        self.ledger = Ledger()
        self.count = 0
        self.servers: list[Server] = []

    def _clear(self) -> None:
        shutil.rmtree(self.base, ignore_errors=True)

    def server(self, prefix: tuple[str, ...] = (), start: bool = True, **settings) -> Server:
        """A server with long times: what ends a session here is a revocation, never a clock."""
        self.count += 1
        times = {"alg": "HS256", "access_ttl": "1h", "refresh_grace": "60s", "log_level": "info", "threads": 2}
        server = Server(self.base / f"s{self.count}", people=PEOPLE, **times | settings)
        server.prefix = prefix
        self.servers.append(server)
        self.callback(server.close)
        # A login needs more room than some of the disks have: it comes before, on a directory that is thrown away.
        state = server.settings.pop("state", None)
        if start or state:
            server.start()
            server.mint = Mint(server)
        if state:
            server.kill()
            forget_sighting(server)
            server.settings["state"] = state
            if start:
                server.run_once()
        return server

    def load(self, server: Server, **options) -> Load:
        self.seed += 1
        return Load(server, self.ledger, server.mint, seed=self.seed, **options)

    def directory(self, name: str) -> Path:
        path = self.base / name
        path.mkdir()
        return path

    def tmpfs(self, name: str, options: str) -> Path:
        need_root()
        path = self.directory(name)
        attempt("mount", "-t", "tmpfs", "-o", options, "tmpfs", path)
        self.callback(unmount, path)
        return path

    def disk(self, kind: str = "ext4", megabytes: int = 48) -> "Disk":
        """A file system of its own, in a file, by a loop device."""
        need_root()
        need(f"mkfs.{kind}", "losetup")
        image = self.base / f"{kind}-{self.count}.img"
        with image.open("wb") as file:
            file.truncate(megabytes << 20)
        attempt(f"mkfs.{kind}", "-q", image)
        disk = Disk(image, self.directory(f"{kind}-{self.count}.mnt"))
        disk.mount()
        self.callback(unmount, disk.path)
        return disk


def forget_sighting(server: Server) -> None:
    """Lets the service start over a directory that is older than what it has seen, or another."""
    server.state_path.with_name(server.state_path.name + ".seen").unlink(missing_ok=True)


class Disk:
    """A file system in a file or on a device, and where it is mounted."""

    def __init__(self, source: Path | str, path: Path, *options: str):
        self.source, self.path = source, path
        self.options = options or ("-o", "loop")

    def mount(self) -> None:
        attempt("mount", *self.options, self.source, self.path)

    def remount(self) -> None:
        unmount(self.path)
        self.mount()

    def cut_power(self) -> None:
        """Everything that was not synced is gone; nothing can be written until it is mounted again."""
        run("xfs_io", "-x", "-c", "shutdown", self.path)


def unmount(path: Path) -> None:
    """Unmounts, after whoever still holds a file there has been waited for."""
    for _ in range(100):
        done = subprocess.run(["umount", str(path)], capture_output=True, text=True)
        if done.returncode == 0 or "not mounted" in done.stderr or "no mount point" in done.stderr:
            return
        time.sleep(0.05)
    subprocess.run(["umount", "-l", str(path)], capture_output=True)


class Tracer:
    """strace on a running server: `error=EIO:when=3` for the named calls, until it is detached."""

    def __init__(self, pid: int, calls: str, inject: str, counts: Path | None = None):
        need("strace")
        output = ["-c", "-o", str(counts)] if counts else ["-o", "/dev/null"]
        faults = ["-e", f"inject={calls}:{inject}"] if inject else []
        self.process = subprocess.Popen(
            ["strace", "-f", "-qq", *output, "-e", f"trace={calls}", *faults, "-p", str(pid)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        wait_for(lambda: self._is_attached(pid), 10, "strace")

    def _is_attached(self, pid: int) -> bool:
        if self.process.poll() is not None:
            raise Missing(f"strace: {self.process.stderr.read().decode()[:200]}")
        tasks = list(Path(ALL_THREADS.format(pid)).iterdir())
        return all(f"TracerPid:\t{self.process.pid}\n" in (task / "status").read_text() for task in tasks)

    def detach(self) -> None:
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGINT)
        self.process.wait(20)
        self.process.stderr.close()

    def __enter__(self) -> "Tracer":
        return self

    def __exit__(self, *_) -> None:
        self.detach()


def traced(calls: str, inject: str) -> tuple[str, ...]:
    """In front of a command: the faults hold from its first call on, and its process id stays its own."""
    need("strace")
    return ("strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:{inject}")


def is_ready(server: Server) -> bool:
    return server.operator.get("/readyz").status_code == 200


def reasons(server: Server) -> list[str]:
    return server.operator.get("/readyz").json()["reasons"]


def journal_is_whole(server: Server) -> None:
    done = server.cli("journal", "verify", "--state", str(server.settings.get("state", server.state_path)))
    assert done.returncode == 0, done.stdout + done.stderr
