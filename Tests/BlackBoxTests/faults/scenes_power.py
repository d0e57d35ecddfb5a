"""Faults of the device: its power is cut, its writes fail."""

import subprocess

from .machine import (
    PRELOADS,
    Disk,
    Missing,
    Stage,
    attempt,
    forget_sighting,
    is_ready,
    library,
    need,
    run,
    unmount,
    wait_for,
)
from .scenario import scenario
from .scenes_disk import fails_closed


def power_cut(stage: Stage, disk: Disk, rounds: int, prefix: tuple[str, ...] = ()) -> None:
    """The file system is shut down under load, without writing back anything; mounted again it has what was synced."""
    server = stage.server(prefix, state=disk.path / "var")
    for turn in range(rounds):
        load = stage.load(server)
        with load:
            load.until(60 + 37 * turn % 100)
            disk.cut_power()
            load.until(3, 0.3)
        server.kill()
        disk.remount()
        server.run_once()
        stage.ledger.check_answers(server, load.fresh)
        stage.ledger.check_tokens(server, load.fresh)
    stage.ledger.check_to_the_end(server)
    server.kill()


@scenario("Power cut under load: ext4, xfs_io shutdown, mounted again")
def power_cut_ext4(stage: Stage) -> str:
    need("xfs_io")
    rounds = 50 if stage.full else 3
    power_cut(stage, stage.disk(), rounds)
    return f"{rounds} cuts"


@scenario("Power cut under load: XFS, xfs_io shutdown, mounted again")
def power_cut_xfs(stage: Stage) -> str:
    need("xfs_io")
    rounds = 50 if stage.full else 1
    power_cut(stage, stage.disk("xfs", 320), rounds)
    return f"{rounds} cuts"


@scenario("Control: the same power cut with syncs that do nothing (eatmydata)", is_control=True)
def power_cut_without_syncs(stage: Stage) -> str:
    need("xfs_io", "eatmydata")
    prefix = ("env", f"LD_PRELOAD={library(PRELOADS / 'libeatmydata.so')}")
    disk = stage.disk()
    server = stage.server(prefix, state=disk.path / "var")
    run("sync", "-f", disk.path)
    with stage.load(server) as load:
        load.until(150)
        disk.cut_power()
    server.kill()
    disk.remount()
    server.prefix = ()
    forget_sighting(server)
    server.run_once()
    stage.ledger.check_tokens(server, load.fresh)
    server.kill()
    return "shows that the power cut loses what is not synced"


@scenario("A block device that fails with EIO under load and works again later")
def failing_device(stage: Stage) -> str:
    need("nbdkit", "nbdfuse", "losetup", "fusermount3")
    trigger = stage.base / "trigger"
    with FailingDisk(stage, trigger) as disk:
        server = stage.server(state=disk.path / "var")
        rounds = 8 if stage.full else 1
        for _ in range(rounds):
            with stage.load(server, pause=0.002) as load:
                load.until(80)
                trigger.touch()
                wait_for(lambda: not is_ready(server), 10, "the fault")
            fails_closed(stage, server)
            stage.ledger.check_tokens(server, load.fresh)
            server.kill()
            trigger.unlink()
            disk.remount()
            server.run_once()
            stage.ledger.check_answers(server, load.fresh)
            first = dump(server)
            stage.ledger.check_tokens(server, load.fresh)
            server.kill()
            disk.remount()
            run("sync")
            with open("/proc/sys/vm/drop_caches", "w") as file:
                file.write("3")
            # What the first start believed is still so when nothing comes from a cache.
            assert dump(server)[: len(first)] == first
            server.run_once()
            stage.ledger.check_tokens(server, load.fresh)
            stage.ledger.assert_whole()
        stage.ledger.check_to_the_end(server)
        server.kill()
    return f"nbdkit, {rounds} times; the same records after the caches were dropped"


def dump(server) -> list[str]:
    done = server.cli("journal", "dump", "--state", str(server.settings["state"]))
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


class FailingDisk:
    """ext4 on a loop device over nbdfuse over nbdkit, whose every write fails while `trigger` exists."""

    def __init__(self, stage: Stage, trigger):
        self.stage, self.trigger = stage, trigger
        self.processes: list[subprocess.Popen] = []
        self.device = ""

    def __enter__(self) -> Disk:
        base = self.stage.base
        image, socket, fuse = base / "failing.img", base / "nbd.sock", self.stage.directory("nbd")
        with image.open("wb") as file:
            file.truncate(64 << 20)
        fault = ["error=EIO", "error-pwrite-rate=100%", f"error-file={self.trigger}"]
        self._start("nbdkit", "-f", "-U", socket, "--filter=error", "file", f"file={image}", *fault)
        wait_for(socket.exists, 10, "nbdkit")
        self._start("nbdfuse", fuse, "--unix", socket)
        try:
            wait_for((fuse / "nbd").exists, 5, "nbdfuse")
        except AssertionError as error:
            self.__exit__()
            raise Missing("nbdfuse cannot mount here: no /dev/fuse?") from error
        done = subprocess.run(["losetup", "-f", "--show", fuse / "nbd"], capture_output=True, text=True)
        if done.returncode != 0:
            self.__exit__()
            raise Missing(f"losetup: {done.stderr.strip()}")
        self.device = done.stdout.strip()
        attempt("mkfs.ext4", "-q", "-F", self.device)
        self.disk = Disk(self.device, self.stage.directory("failing.mnt"), "-o", "rw")
        self.disk.mount()
        return self.disk

    def _start(self, *command: object) -> None:
        self.processes.append(
            subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )

    def __exit__(self, *_) -> None:
        self.trigger.unlink(missing_ok=True)
        for server in self.stage.servers:
            server.close()
        if self.device:
            unmount(self.disk.path)
            subprocess.run(["losetup", "-d", self.device], capture_output=True)
        subprocess.run(["fusermount3", "-u", str(self.stage.base / "nbd")], capture_output=True)
        for process in reversed(self.processes):
            process.terminate()
            process.wait(10)
