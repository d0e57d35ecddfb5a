"""The journal is what docs/durability.md says: a reader written from the page agrees with the service's own."""

import json
import random

import pytest

from faults.journal import HEADER, KINDS, RECORD, Damaged, Journal, crc32c
from faults.ledger import Ledger
from faults.load import PEOPLE, Load, Mint


@pytest.fixture(scope="module")
def written(fleet):
    """A journal with a snapshot, several segments and every kind of record, left by `kill -9`."""
    server = fleet.make(people=PEOPLE, alg="HS256", access_ttl="1h", refresh_grace="60s", log_level="info")
    server.start()
    mint = Mint(server)
    for turn in range(3):
        with Load(server, Ledger(), mint, seed=turn, limit=40) as load:
            load.join()
        server.kill()
        if turn == 1:
            assert server.cli("journal", "compact", "--state", str(server.state_path)).returncode == 0
        server.run_once()
    server.kill()
    yield server
    fleet.close(server)


def dumped(server) -> list[dict]:
    done = server.cli("journal", "dump", "--state", str(server.state_path))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def as_dumped(record) -> dict:
    names = ("seq", "time", "key", "expires", "value", "flags", "reason")
    return {name: getattr(record, name) for name in names} | {"kind": KINDS[record.kind]}


def test_checksums_are_crc_32c():
    """RFC 3720 B.4, and what a seed means: the checksum of what came before."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"6789", crc32c(b"12345")) == 0xE3069283


def test_a_reader_written_from_the_page_agrees_with_the_services_own(written):
    """Records, order and every field of them, from a snapshot and the segments after it."""
    journal = Journal(written.state_path)
    expected = [{key: value for key, value in line.items() if key not in ("file", "offset")} for line in dumped(written)]
    assert [as_dumped(record) for record in journal.records] == expected
    assert list(written.state_path.glob("*.snap")) and len(list(written.state_path.glob("*.jrn"))) > 1
    kinds = {line["kind"] for line in expected}
    assert kinds >= {"REVOKE_JTI", "REVOKE_SID", "ROTATE", "CUT", "OPEN", "SEAL"}
    assert not journal.torn


def test_it_agrees_on_what_is_damage_and_what_was_never_acknowledged(written):
    """A flipped bit anywhere that counts is damage to both; behind the last acknowledged record to neither."""
    chance = random.Random(5)
    segment = max(written.state_path.glob("*.jrn"))
    octets = segment.read_bytes()
    count = len(octets[HEADER:].rstrip(b"\0")) // RECORD + 1
    verdicts = set()
    for _ in range(12):
        place = chance.choice([chance.randrange(76), HEADER + chance.randrange(count * RECORD)])
        changed = bytearray(octets)
        changed[place] ^= 1 << chance.randrange(8)
        segment.write_bytes(changed)
        verified = written.cli("journal", "verify", "--state", str(written.state_path)).returncode
        try:
            Journal(written.state_path)
            mine = 0
        except Damaged:
            mine = 1
        assert mine == verified, f"bit at {place}: the page says {mine}, the service {verified}"
        verdicts.add(mine)
    segment.write_bytes(octets)
    assert 1 in verdicts
