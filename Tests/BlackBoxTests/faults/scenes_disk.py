"""Faults of the disk: full, too small, without power, broken, read-only."""

import subprocess
import time

from .line import Line
from .load import Mint
from .machine import PRELOADS, Disk, Missing, Stage, attempt, is_ready, library, need, reasons, run, unmount, wait_for
from .scenario import scenario

HEALING_SECONDS = 40


def fails_closed(stage: Stage, server) -> None:
    """A revocation and a rotation are not acknowledged, readiness fails, and verifying goes on."""
    line = Line(server.address)
    lives = [stage.ledger.add(server.mint.life()) for _ in range(4)]
    for life in lives[:2]:
        life.is_in_doubt = True
        status, _, _ = line.revoke(life.refresh)
        assert status == 503, f"a revocation got {status}"
        assert line.verify_all(life.access) == [401], "a refused session counts in memory at once"
        stage.ledger.miss()
    lives[2].pending_since = time.monotonic()
    status, _, _ = line.post("/refresh", refresh_token=lives[2].refresh)
    assert status == 503, f"a rotation got {status}"
    stage.ledger.miss()
    assert line.verify_all(lives[3].access) == [200]
    line.close()
    assert not is_ready(server) and any("journal" in reason for reason in reasons(server)), reasons(server)


def heals(stage: Stage, server, count: int = 40) -> None:
    """Without a restart: ready again, and the same load goes on."""
    wait_for(lambda: is_ready(server), HEALING_SECONDS, "readiness")
    with stage.load(server) as load:
        load.until(count)
    assert server.run.events("journal_healed") or server.run.events("journal_write_failed")


def finish(stage: Stage, server) -> None:
    """A restart, and everything that was promised."""
    server.kill()
    server.run_once()
    stage.ledger.check_to_the_end(server)


def fill_by_use(stage: Stage, server, rounds: int = 40) -> None:
    """Works until nothing more is acknowledged."""
    for _ in range(rounds):
        with stage.load(server, limit=200) as load:
            load.join()
        if not is_ready(server):
            return
    raise AssertionError("the disk never filled up")


@scenario("A tmpfs of 64 KiB, enlarged, filled up, enlarged again")
def small_tmpfs(stage: Stage) -> str:
    path = stage.tmpfs("tiny", "size=64k")
    server = stage.server(start=False, state=path)
    failure = server.fail_to_start()
    assert failure.code == 2 and "No space left on device" in failure.text, failure.text
    run("mount", "-o", "remount,size=76k", path)
    server.start()
    server.mint = Mint(server)
    for size in (["96k", "128k", "192k", "2m"] if stage.full else ["2m"]):
        fill_by_use(stage, server)
        fails_closed(stage, server)
        run("mount", "-o", f"remount,size={size}", path)
        heals(stage, server)
    finish(stage, server)
    return "no start in 64 KiB, with a message; 503 while full; heals without a restart"


@scenario("A tmpfs with three inodes: no new segment can be made")
def few_inodes(stage: Stage) -> str:
    path = stage.tmpfs("few", "size=8m,nr_inodes=3")
    server = stage.server(state=path)
    with stage.load(server) as load:
        load.until(60)
    # The segment takes no more, and there is no inode for another.
    limit_files(server, 0)
    fails_closed(stage, server)
    limit_files(server, "unlimited")
    time.sleep(1)
    assert not is_ready(server)
    server.kill()
    failure = server.fail_to_start()
    assert failure.code == 2 and "No space left" in failure.text, failure.text
    run("mount", "-o", "remount,nr_inodes=4", path)
    server.run_once()
    stage.ledger.check_tokens(server)
    limit_files(server, 0)
    fails_closed(stage, server)
    limit_files(server, "unlimited")
    run("mount", "-o", "remount,nr_inodes=64", path)
    heals(stage, server)
    finish(stage, server)
    return "a start is refused with a message; a running service heals"


def limit_files(server, octets: int | str) -> None:
    """RLIMIT_FSIZE: a write across the limit is short, one beyond it fails."""
    run("prlimit", "--pid", server.pid, f"--fsize={octets}:unlimited")


@scenario("RLIMIT_FSIZE: a write that ends short, then none at all")
def limited_file_size(stage: Stage) -> str:
    need("prlimit")
    server = stage.server()
    # Never at a record's boundary, so that a record is torn each time.
    for odd in ((1, 17, 63, 100, 4095) if stage.full else (17, 100)):
        with stage.load(server) as load:
            load.until(30)
        used = len(max(server.state_path.glob("*.jrn")).read_bytes().rstrip(b"\0"))
        limit_files(server, used + 20 * 64 + odd)
        with stage.load(server, limit=30) as load:
            load.join()
        limit_files(server, 0)
        fails_closed(stage, server)
        limit_files(server, "unlimited")
        heals(stage, server)
        server.kill()
        server.run_once()
        stage.ledger.check_answers(server, load.fresh)
        stage.ledger.check_tokens(server, load.fresh)
        stage.ledger.assert_whole()
    finish(stage, server)
    return "short writes tear no acknowledged record"


@scenario("The disk is filled by others, and has room again")
def full_disk(stage: Stage) -> str:
    disk = stage.disk()
    server = stage.server(state=disk.path / "var")
    for _ in range(4 if stage.full else 1):
        with stage.load(server) as load:
            load.until(100)
        filler = disk.path / "filler"
        subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=64k"], capture_output=True)
        # What is left of the room that was laid out ahead is used up first.
        limit_files(server, 0)
        fill_by_use(stage, server)
        limit_files(server, "unlimited")
        fails_closed(stage, server)
        filler.unlink()
        heals(stage, server)
    finish(stage, server)
    return "ext4; 503 while full; heals without a restart"


@scenario("No descriptor is left for a new segment")
def no_descriptors(stage: Stage) -> str:
    need("prlimit")
    server = stage.server()
    with stage.load(server) as load:
        load.until(60)
    is_ready(server)
    line = Line(server.address)
    line.verify_all([server.mint.life().access[0]])
    run("prlimit", "--pid", server.pid, "--nofile=3:20000")
    limit_files(server, 0)
    life = stage.ledger.add(server.mint.life())
    life.is_in_doubt = True
    status, _, _ = line.revoke(life.refresh)
    assert status == 503, status
    stage.ledger.miss()
    limit_files(server, "unlimited")
    time.sleep(1)
    status, _, _ = line.revoke(life.refresh)
    assert status == 503, status
    line.close()
    run("prlimit", "--pid", server.pid, "--nofile=20000:20000")
    heals(stage, server)
    finish(stage, server)
    return "EMFILE; 503, heals when descriptors are free"


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
    server.run_once()
    stage.ledger.check_tokens(server, load.fresh)
    server.kill()
    return "shows that the cut takes what is not synced"


@scenario("A block device that turns EIO under load, and is good again")
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


@scenario("A read-only mount: no start, and all is there when it can be written again")
def read_only_mount(stage: Stage) -> str:
    disk = stage.disk()
    server = stage.server(state=disk.path / "var")
    for _ in range(5 if stage.full else 1):
        with stage.load(server) as load:
            load.until(80)
        server.kill()
        run("mount", "-o", "remount,ro", disk.path)
        failure = server.fail_to_start()
        assert failure.code == 2 and "Read-only file system" in failure.text, failure.text
        run("mount", "-o", "remount,rw", disk.path)
        server.run_once()
        stage.ledger.check_answers(server, load.fresh)
        stage.ledger.check_tokens(server, load.fresh)
    finish(stage, server)
    return "the message says read-only"
