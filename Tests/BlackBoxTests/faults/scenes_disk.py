"""Faults of space and permission: too small, full, out of inodes and descriptors, read-only."""

import subprocess
import time

from .line import Line
from .machine import Stage, is_ready, need, reasons, run, wait_for
from .scenario import scenario

HEALING_SECONDS = 40


def fails_closed(stage: Stage, server, may_spare: bool = False) -> None:
    """A revocation and a rotation are not acknowledged, readiness fails, and verifying goes on.

    With `may_spare` room may have been kept for revocations: one that is acknowledged then has to hold like any other.
    """
    line = Line(server.address)
    lives = [stage.ledger.add(server.mint.life()) for _ in range(4)]
    for life in lives[:2]:
        life.is_in_doubt = True
        status, _, _ = line.revoke(life.refresh)
        assert line.verify_all(life.access) == [401], "a refused session counts in memory at once"
        if status == 200 and may_spare:
            life.is_over = True
            stage.ledger.acknowledge("session")
        else:
            assert status == 503, f"a revocation got {status}"
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
    healed = ("journal_healed", "journal_write_failed", "journal_reserve_held")
    assert any(server.run.events(name) for name in healed)


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
    assert failure.code == 75 and "No space left on device" in failure.text, failure.text
    run("mount", "-o", "remount,size=76k", path)
    server.run_once()
    # Each leaves room for the reserve of 256 KiB, without which the service goes on sparing.
    for size in (["512k", "1m", "2m"] if stage.full else ["2m"]):
        fill_by_use(stage, server)
        fails_closed(stage, server, may_spare=True)
        run("mount", "-o", f"remount,size={size}", path)
        heals(stage, server)
    finish(stage, server)
    return "does not start in 64 KiB and says why; 503 while full; recovers without a restart"


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
    assert failure.code == 75 and "No space left" in failure.text, failure.text
    run("mount", "-o", "remount,nr_inodes=4", path)
    server.run_once()
    stage.ledger.check_tokens(server)
    limit_files(server, 0)
    fails_closed(stage, server)
    limit_files(server, "unlimited")
    run("mount", "-o", "remount,nr_inodes=64", path)
    heals(stage, server)
    finish(stage, server)
    return "does not start and says why; a running service recovers"


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


@scenario("Other files fill the disk, which has space again later")
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
        fails_closed(stage, server, may_spare=True)
        filler.unlink()
        heals(stage, server)
    finish(stage, server)
    return "ext4; 503 while full; recovers without a restart"


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
    return "EMFILE; 503, recovers when descriptors are free"


@scenario("A read-only mount: does not start; nothing is missing when it is writable again")
def read_only_mount(stage: Stage) -> str:
    disk = stage.disk()
    server = stage.server(state=disk.path / "var")
    for _ in range(5 if stage.full else 1):
        with stage.load(server) as load:
            load.until(80)
        server.kill()
        run("mount", "-o", "remount,ro", disk.path)
        failure = server.fail_to_start()
        assert failure.code == 75 and "Read-only file system" in failure.text, failure.text
        run("mount", "-o", "remount,rw", disk.path)
        server.run_once()
        stage.ledger.check_answers(server, load.fresh)
        stage.ledger.check_tokens(server, load.fresh)
    finish(stage, server)
    return "the message says read-only"
