"""Faults of the files: unlinked, moved, replaced, made immutable, changed by a bit."""

import os
import random
import shutil
import struct
import time

from harness.process import StartFailed

from .ledger import Ledger
from .line import Line
from .load import KINDS, Load
from .machine import Stage, attempt, is_ready, journal_is_whole, need, need_root, run, wait_for
from .scenario import scenario
from .scenes_disk import fails_closed, finish, heals

HEADER, RECORD = 4096, 64


def newest(server):
    return max(server.state_path.glob("*.jrn"))


def take_away(how: str, server, aside) -> None:
    """Does to the segment that is being written what people and scripts do."""
    segment = newest(server)
    if how == "unlinked":
        os.link(segment, aside)
        segment.unlink()
    elif how == "moved":
        segment.rename(aside)
    elif how == "replaced by a copy":
        os.link(segment, aside)
        copy = segment.with_suffix(".copy")
        shutil.copy(segment, copy)
        copy.rename(segment)
    else:
        server.state_path.rename(aside)


def put_back(how: str, server, name, aside) -> None:
    if how == "with its directory moved":
        aside.rename(server.state_path)
    else:
        aside.rename(server.state_path / name)


@scenario("The current segment is unlinked, moved, replaced, or moved with its directory, then restored")
def taken_away(stage: Stage) -> str:
    ways = ("unlinked", "moved", "replaced by a copy", "with its directory moved")
    server = stage.server()
    for how in ways * (5 if stage.full else 1):
        aside = stage.base / "aside"
        load = stage.load(server)
        with load:
            load.until(60)
            name = newest(server).name
            take_away(how, server, aside)
            wait_for(lambda: not is_ready(server), 10, f"unreadiness after the journal was {how}")
        fails_closed(stage, server)
        stage.ledger.check_tokens(server, load.fresh)
        server.kill()
        if server.state_path.exists() and how == "with its directory moved":
            shutil.rmtree(server.state_path)
        put_back(how, server, name, aside)
        server.run_once()
        stage.ledger.check_answers(server, load.fresh)
        stage.ledger.check_tokens(server, load.fresh)
        stage.ledger.assert_whole()
    finish(stage, server)
    return "nothing is acknowledged from then on"


@scenario("The segment and its directory are made immutable (chattr +i), and mutable again")
def immutable(stage: Stage) -> str:
    need_root()
    need("chattr")
    disk = stage.disk()
    server = stage.server(state=disk.path / "var")
    state = disk.path / "var"
    for _ in range(5 if stage.full else 1):
        with stage.load(server) as load:
            load.until(60)
        segments = list(state.glob("*.jrn"))
        attempt("chattr", "+i", *segments, state)
        try:
            fails_closed(stage, server)
        finally:
            run("chattr", "-i", state, *segments)
        heals(stage, server)
    finish(stage, server)
    return "503 meanwhile; recovers without a restart"


@scenario("A bit flips in an acknowledged record, or in a header")
def flipped_bit(stage: Stage) -> str:
    chance = random.Random(7)
    server = stage.server()
    for _ in range(2):
        with stage.load(server) as load:
            load.until(60)
        server.kill()
        server.run_once()
    server.kill()
    flips = 0
    for segment in sorted(server.state_path.glob("*.jrn")):
        octets = segment.read_bytes()
        acknowledged = last_durable(octets)
        for _ in range(60 if stage.full else 2):
            place = chance.choice([chance.randrange(80), HEADER + chance.randrange(acknowledged * RECORD)])
            changed = bytearray(octets)
            changed[place] ^= 1 << chance.randrange(8)
            segment.write_bytes(changed)
            failure = server.fail_to_start()
            assert failure.code == 2 and segment.name in failure.text, f"{segment.name} at {place}: {failure.text}"
            assert segment.read_bytes() == changed, "the evidence is left alone"
            flips += 1
        segment.write_bytes(octets)
    server.run_once()
    finish(stage, server)
    return (
        f"{flips} flips, {flips} starts rejected, the message names the file; "
        "with the bit flipped back, nothing is missing"
    )


def last_durable(octets: bytes) -> int:
    """How many records of a segment are known to have been acknowledged, from what the records after them say."""
    (first,) = struct.unpack_from("<Q", octets, 40)
    highest = first
    for offset in range(HEADER, len(octets) - RECORD + 1, RECORD):
        if octets[offset : offset + RECORD].strip(b"\0"):
            highest = max(highest, struct.unpack_from("<Q", octets, offset + 56)[0])
    return highest - first + 1


@scenario("Garbage, an incomplete record, or half a batch after the last acknowledged record")
def torn_tail(stage: Stage) -> str:
    chance = random.Random(11)
    server = stage.server()
    lengths = range(1, 64) if stage.full else (1, 41, 63)
    for length in lengths:
        with stage.load(server) as load:
            load.until(30)
        server.kill()
        segment = newest(server)
        octets = segment.read_bytes()
        end = HEADER + -(-(len(octets.rstrip(b"\0")) - HEADER) // RECORD) * RECORD
        # A piece of a record, garbage behind a hole, as a write that was under way may leave them.
        debris = chance.randbytes(length)
        hole = b"\0" * (RECORD * chance.randrange(3))
        segment.write_bytes(octets[:end] + debris + b"\0" * (RECORD - length) + hole + chance.randbytes(RECORD))
        server.run_once()
        assert "torn" in server.run.text
        stage.ledger.check_answers(server, load.fresh)
        stage.ledger.check_tokens(server, load.fresh)
        stage.ledger.assert_whole()
    finish(stage, server)
    server.kill()
    journal_is_whole(server)
    return f"{len(lengths)} times removed, with {len(list(server.state_path.glob('*.torn')))} copies"


@scenario("The directory is copied while the service works in it, and another service starts from the copy")
def copied_while_serving(stage: Stage) -> str:
    server = stage.server()
    attempts = 0
    for turn in range(20 if stage.full else 1):
        with stage.load(server) as load:
            load.until(60)
        # What goes on meanwhile may be in the copy or not; what was acknowledged before must be. No cut of a subject: it
        # would end the sessions of the first ledger, too.
        kinds = {kind: weight for kind, weight in KINDS.items() if kind != "subject"}
        copy = stage.base / f"copy-{turn}"
        with Load(server, Ledger(), server.mint, seed=turn, kinds=kinds):
            time.sleep(0.02)
            for _ in range(10):
                attempts += 1
                shutil.rmtree(copy, ignore_errors=True)
                run("cp", "-a", server.state_path, copy)
                if server.cli("journal", "verify", "--state", str(copy)).returncode == 0:
                    break
        second = stage.server(start=False, users=server.users_path, issuer=server.settings["issuer"])
        shutil.copytree(server.keys_path, second.keys_path)
        second.settings["state"] = copy
        second.start()
        stage.ledger.check_tokens(second)
        stage.ledger.assert_whole()
        second.kill()
    finish(stage, server)
    return f"{turn + 1} whole copies in {attempts} attempts"


@scenario("An older copy of the journal is restored")
def rolled_back(stage: Stage) -> str:
    """What was acknowledged after the copy is lost by hand; that this does not pass unnoticed is what can be kept."""
    server = stage.server()
    with stage.load(server) as load:
        load.until(80)
    server.kill()
    copy = stage.base / "copy"
    shutil.copytree(server.state_path, copy)
    server.run_once()
    lives = [server.mint.life() for _ in range(20)]
    line = Line(server.address)
    for life in lives:
        status, _, body = line.post("/refresh", refresh_token=life.refresh)
        assert status == 200
        life.take(body)
    line.close()
    server.kill()
    shutil.rmtree(server.state_path)
    shutil.copytree(copy, server.state_path)
    refused = 0
    try:
        server.run_once()
    except StartFailed as refusal:
        assert "journal accept" in refusal.text, refusal.text
        refused += 1
        done = server.cli("journal", "accept", "--state", str(server.state_path), "--keep-sessions")
        assert done.returncode == 0, done.stderr
        server.run_once()
    for life in lives:
        status, _, body = line.post("/refresh", refresh_token=life.refresh)
        assert status == 401, (status, body)
    line.close()
    server.wait_for(lambda: server.run.events("refresh_ahead_of_journal"), 5, "the alarm")
    finish(stage, server)
    start = "does not start until the copy is accepted; then " if refused else ""
    return (
        f"{start}{len(lives)} of {len(lives)} newer refresh tokens rejected and reported; "
        "everything in the copy is in effect"
    )
