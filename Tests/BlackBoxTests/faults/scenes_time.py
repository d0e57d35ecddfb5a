"""Faults of the clock: it jumps by hours and days, in both directions, under load and between two starts."""

import subprocess
import time
from email.utils import parsedate_to_datetime

from harness.process import BINARY, environment

from .line import Line
from .machine import PRELOADS, Stage, is_ready, library, wait_for
from .scenario import scenario

# Without cuts of a subject: the sessions made here are dated by the true clock, and a cut by the service's.
KINDS = {"rotation": 10, "token": 5, "session": 3, "logout": 3, "cut": 2}
DAY, HOUR = 86_400, 3_600


class Clock:
    """The service's wall clock, set while it runs; its monotonic clock stays true."""

    def __init__(self, stage: Stage):
        self.file = stage.base / "offset"
        self.set(0)
        preload = library(PRELOADS / "faketime" / "libfaketimeMT.so.1")
        # With a name for its shared memory the library sets no variable, and the environment stays where Swift looks for it.
        self.prefix = (
            "env", f"LD_PRELOAD={preload}", "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1",
            "FAKETIME_SHARED=-scenes -scenes", f"FAKETIME_TIMESTAMP_FILE={self.file}",
        )  # fmt: skip

    def set(self, seconds: int) -> None:
        self.offset = seconds
        self.file.write_text(f"{seconds:+d}s\n")

    def is_believed_by(self, server) -> bool:
        told = parsedate_to_datetime(server.http.get("/healthz").headers["date"]).timestamp()
        return abs(told - time.time() - self.offset) < 5


def jump(stage: Stage, server, clock: Clock, offset: int) -> list:
    """Works at another time, across a kill, and comes back."""
    before = stage.load(server, kinds=KINDS)
    with before:
        before.until(40)
    clock.set(offset)
    wait_for(lambda: clock.is_believed_by(server), 5, "the other time")
    if abs(offset) < HOUR / 2:
        during = stage.load(server, kinds=KINDS)
    else:
        # Access tokens of the true time are expired or not yet good then; refresh tokens live for days.
        during = stage.load(server, kinds={k: v for k, v in KINDS.items() if k != "token"})
    with during:
        during.until(40)
    assert is_ready(server)
    stage.ledger.check_tokens(server, before.fresh, honest=False)
    server.kill()
    server.run_once()
    stage.ledger.check_tokens(server, before.fresh + during.fresh, honest=False)
    assert compact_under(server, clock.prefix) == 0
    server.run_once()
    clock.set(0)
    server.kill()
    server.run_once()
    return before.fresh + during.fresh


@scenario("The clock jumps a day ahead and back, a day back, two hours back, under load and between starts")
def clock_jumps(stage: Stage) -> str:
    clock = Clock(stage)
    server = stage.server(clock.prefix)
    jumps = [DAY, -DAY, -2 * HOUR] if not stage.full else [DAY, -DAY, -2 * HOUR, 5, -5, 6 * DAY, -6 * DAY, 60, DAY]
    for offset in jumps:
        fresh = jump(stage, server, clock, offset)
        # A rotation at a later time issued tokens that are dated ahead; only denials are asked of those.
        stage.ledger.check_tokens(server, fresh, honest=False)
        stage.ledger.assert_whole()
    check_honest(stage, server)
    return f"{', '.join(f'{offset:+,} s' for offset in jumps)}; compacted at each"


def check_honest(stage: Stage, server) -> None:
    """Nobody was denied by a clock: whoever was not ended can refresh, now or again."""
    line = Line(server.address)
    for life in stage.ledger.lives:
        if life.is_in_doubt or life.pending_since:
            continue
        status, _, body = line.post("/refresh", refresh_token=life.refresh)
        if life.is_over and status != 401:
            stage.ledger.lost.append(f"the session is over and a refresh got {status}")
        if not life.is_over and status != 200:
            stage.ledger.wrong.append(f"a good refresh token got {status} {body[:200]!r}")
    line.close()


def compact_under(server, prefix: tuple[str, ...]) -> int:
    """Stops the service and compacts its journal at the clock's time."""
    server.kill()
    command = [*prefix, BINARY, "journal", "compact", "--state", str(server.state_path)]
    return subprocess.run(command, cwd=server.directory, env=environment({}), capture_output=True).returncode


@scenario("The clock is a day ahead until expired entries are removed, then correct again")
def purged_at_a_wrong_time(stage: Stage) -> str:
    clock = Clock(stage)
    server = stage.server(clock.prefix)
    with stage.load(server, kinds=KINDS) as load:
        load.until(60)
    clock.set(DAY)
    wait_for(lambda: clock.is_believed_by(server), 5, "the other time")
    if stage.full:
        # Purges come once a minute.
        time.sleep(66)
    else:
        server.kill()
        assert compact_under(server, clock.prefix) == 0
        server.run_once()
    clock.set(0)
    stage.ledger.check_tokens(server)
    server.kill()
    server.run_once()
    stage.ledger.check_tokens(server)
    check_honest(stage, server)
    return "nothing revoked becomes valid again"
