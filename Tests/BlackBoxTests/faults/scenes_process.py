"""Faults of the process: killed at any moment and at any system call, and two of them at once."""

import random
import subprocess
import time
from pathlib import Path

from harness.process import BINARY, StartFailed, environment

from .line import Line
from .machine import PRELOADS, Stage, Tracer, journal_is_whole, library, need, traced
from .scenario import scenario

SEGMENTS_BEFORE_COMPACTION = 64
STEPS = ("pwrite64", "fsync", "rename", "ftruncate", "unlink")


@scenario("SIGKILL at random moments under load, with compactions during and between the runs")
def killed_at_random(stage: Stage) -> str:
    return kill_often(stage, 1000 if stage.full else 100)


def kill_often(stage: Stage, times: int) -> str:
    """Leaves the segments alone until the service compacts them itself, and then compacts the stopped journal for a
    while, every second time with a kill in the middle of it.
    """
    chance = random.Random(times)
    server = stage.server()
    ledger, compactions, cut_short, around = stage.ledger, 0, 0, 0
    snapshots: set[str] = set()
    made_by_hand: set[str] = set()
    for turn in range(times):
        load = stage.load(server)
        with load:
            load.until(chance.randint(8, 60))
            if len(list(server.state_path.glob("*.jrn"))) > SEGMENTS_BEFORE_COMPACTION:
                # A compaction begins 250 ms after the start and takes some ten: before, amid, after it.
                around += 1
                if around % 4 == 0:
                    server.wait_for(lambda: server.run.events("journal_compacted"), 60, "a compaction after a start")
                else:
                    time.sleep(chance.uniform(0.15, 0.6))
            server.kill()
        # Also of a compaction that a slow machine was done with before the segments were counted.
        snapshots.update(path.name for path in server.state_path.glob("*.snap"))
        if turn % 100 >= 75 and turn % 3 == 0:
            compactions += 1
            cut_short += compact(server, chance.uniform(0.003, 0.06) if turn % 2 else None) != 0
            made_by_hand.update(path.name for path in server.state_path.glob("*.snap") if path.name not in snapshots)
        server.run_once()
        ledger.check_answers(server, load.fresh)
        ledger.check_tokens(server, load.fresh)
        ledger.check_tokens(server, chance.sample(ledger.lives, min(64, len(ledger.lives))))
        ledger.assert_whole()
    ledger.check_to_the_end(server)
    # Some were killed between their snapshot's name and their line in the log.
    compacted = len(snapshots - made_by_hand)
    assert compacted or times < 75, "a service that never lives long never compacts"
    server.kill()
    journal_is_whole(server)
    return (
        f"{times} kills, {around} of them before, during and after {compacted} compactions while serving; {compactions} "
        f"compactions of the stopped journal, {cut_short} of them killed"
    )


def compact(server, seconds: float | None) -> int:
    """`martlet journal compact`, killed after so many seconds."""
    process = subprocess.Popen(
        [BINARY, "journal", "compact", "--state", str(server.state_path)], cwd=server.directory, env=environment({}),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        _, complaint = process.communicate(timeout=seconds or 60)
        assert process.returncode == 0, complaint
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    return process.returncode


def restart_and_check(stage: Stage, server, lives) -> None:
    server.kill()
    server.run_once()
    stage.ledger.check_answers(server, lives)
    stage.ledger.check_tokens(server, lives)
    stage.ledger.assert_whole()


@scenario("SIGKILL at every nth write, before it and after it")
def killed_at_a_write(stage: Stage) -> str:
    server = stage.server()
    turns = range(1, 31) if stage.full else (1, 4)
    for number in turns:
        for inject in (f"signal=SIGKILL:when={number}", f"error=EIO:signal=SIGKILL:when={number}"):
            with Tracer(server.pid, "pwrite64", inject):
                with stage.load(server, limit=60) as load:
                    load.join()
                server.run.process.wait(10)
            restart_and_check(stage, server, load.fresh)
    stage.ledger.check_to_the_end(server)
    return f"{2 * len(turns)} kills"


@scenario("SIGKILL at every file operation of a start")
def killed_while_starting(stage: Stage) -> str:
    server = stage.server()
    kills = 0
    for call in STEPS if stage.full else ("fsync", "ftruncate"):
        for number in range(1, 200):
            with stage.load(server, limit=10) as load:
                load.join()
            server.kill()
            server.prefix = traced(call, f"signal=SIGKILL:when={number}")
            try:
                server.run_once()
            except StartFailed:
                kills += 1
                server.prefix = ()
                server.run_once()
            else:
                # The start has no such call any more.
                number = 0
            server.prefix = ()
            restart_and_check(stage, server, load.fresh)
            if not number:
                break
    stage.ledger.check_to_the_end(server)
    return f"{kills} kills, at each {', '.join(STEPS)}"


@scenario("SIGKILL, EIO and ENOSPC at every file operation of a compaction")
def broken_while_compacting(stage: Stage) -> str:
    server = stage.server()
    done = dict.fromkeys(("signal=SIGKILL", "error=EIO", "error=ENOSPC"), 0)
    sample = (("signal=SIGKILL", "rename", 2), ("signal=SIGKILL", "unlink", 1), ("error=ENOSPC", "pwrite64", 3))
    every = ((fault, call, number) for fault in done for call in STEPS for number in range(1, 200))
    over: tuple = ()
    for fault, call, number in every if stage.full else sample:
        if over == (fault, call):
            continue
        with stage.load(server, limit=10) as load:
            load.join()
        server.kill()
        command = [*traced(call, f"{fault}:when={number}"), BINARY, "journal", "compact", "--state"]
        code = subprocess.run(
            [*command, str(server.state_path)], cwd=server.directory, env=environment({}), capture_output=True
        ).returncode
        journal_is_whole(server)
        server.run_once()
        stage.ledger.check_tokens(server, load.fresh)
        stage.ledger.check_answers(server, load.fresh)
        stage.ledger.assert_whole()
        done[fault] += code != 0
        # A call that fails late may be forgiven; a good end at the first tries says nothing yet.
        if code == 0 and number > 3:
            over = (fault, call)
    stage.ledger.check_to_the_end(server)
    return ", ".join(f"{count} × {fault.split('=')[1]}" for fault, count in done.items())


@scenario("EIO, ENOSPC and EINTR from every nth write and sync")
def failing_writes(stage: Stage) -> str:
    server = stage.server()
    rewritten = 0
    faults = ["pwrite64:EIO", "pwrite64:ENOSPC", "fsync:EIO", "pwrite64:EINTR"]
    for fault in faults:
        calls, error = fault.split(":")
        for step in range(2, 12) if stage.full else (3,):
            # The first write is the clients'; an fsync comes only when a new segment is begun, so fail a write with it.
            failing = "pwrite64,fsync,rename" if calls == "fsync" else calls
            with Tracer(server.pid, failing, f"error={error}:when=2+{step}"):
                with stage.load(server, limit=30) as load:
                    load.join()
            server.wait_for(lambda: server.operator.get("/readyz").status_code == 200, 40, "readiness")
            rewritten += len(server.run.events("journal_write_failed"))
            restart_and_check(stage, server, load.fresh)
    stage.ledger.check_to_the_end(server)
    return f"{', '.join(faults)}; {rewritten} times written again to a new segment"


@scenario("Every second write is short")
def short_writes(stage: Stage) -> str:
    need("fiu-run")
    preload = ":".join(library(PRELOADS.parent / "fiu" / f"fiu_{kind}_preload.so") for kind in ("posix", "run"))
    enabled = "enable_random name=posix/io/rw/pwrite/reduce,probability=0.5"
    server = stage.server(("env", f"LD_PRELOAD={preload}", f"FIU_ENABLE={enabled}"))
    with stage.load(server) as load:
        load.until(2000 if stage.full else 200)
    restart_and_check(stage, server, load.fresh)
    stage.ledger.check_to_the_end(server)
    return "libfiu shortens them"


@scenario("A second process on the same directory, under load")
def two_processes(stage: Stage) -> str:
    server = stage.server()
    shared = {"state": server.state_path, "keys": server.keys_path, "users": server.users_path}
    second = stage.server(start=False, issuer=server.settings["issuer"])
    second.settings |= shared
    refused = 0
    with stage.load(server) as load:
        for _ in range(20 if stage.full else 3):
            load.until(50)
            failure = second.fail_to_start()
            assert failure.code == 75 and str(server.state_path) in failure.text, failure.text
            refused += 1
            done = server.cli("journal", "compact", "--state", str(server.state_path))
            assert done.returncode == 75 and "locked" in done.stderr, done.stderr
    server.kill()
    second.start()
    stage.ledger.check_tokens(second, load.fresh)
    second.kill()
    server.run_once()
    stage.ledger.check_to_the_end(server)
    return f"{refused} second starts rejected; after a kill the next one starts"


@scenario("Each acknowledgment of a single client has its own write with O_DSYNC")
def synced_before_answered(stage: Stage) -> str:
    need("eatmydata")
    server = stage.server()
    counts = stage.base / "counts"
    with Tracer(server.pid, "pwrite64", "", counts):
        with stage.load(server, workers=1, limit=200) as load:
            load.join()
    written = int(next(line for line in counts.read_text().splitlines() if "pwrite64" in line).split()[3])
    assert written >= stage.ledger.total, f"{written} writes for {stage.ledger.total} acknowledgements"
    # 04010000: O_DSYNC among the flags of the open segment.
    flags = [int(info.read_text().split("flags:")[1].split()[0], 8) for info in open_segments(server.pid)]
    assert flags and all(flag & 0o10000 for flag in flags), [oct(flag) for flag in flags]
    ratio = eatmydata_ratio(stage, server)
    restart_and_check(stage, server, load.fresh)
    stage.ledger.check_to_the_end(server)
    return f"{written} writes; without the syncs (eatmydata) a single client gets {ratio:.1f} × as many answers"


def open_segments(pid: int) -> list[Path]:
    """What the kernel says of the segments that the process has open."""
    entries = [entry for entry in Path(f"/proc/{pid}/fd").iterdir() if str(entry.resolve()).endswith(".jrn")]
    return [Path(f"/proc/{pid}/fdinfo/{entry.name}") for entry in entries]


def eatmydata_ratio(stage: Stage, server) -> float:
    """Revocations a second without syncs over those with, in turns, since the machine has other things to do, too."""
    fast = stage.server(("env", f"LD_PRELOAD={library(PRELOADS / 'libeatmydata.so')}"))
    ratios = []
    for _ in range(5):
        spent = []
        for one in (server, fast):
            lives = [one.mint.life() for _ in range(100)]
            line = Line(one.address)
            began = time.monotonic()
            for life in lives:
                assert line.revoke(life.access[0])[0] == 200
            spent.append(time.monotonic() - began)
            line.close()
        ratios.append(spent[0] / spent[1])
    return sorted(ratios)[2]
