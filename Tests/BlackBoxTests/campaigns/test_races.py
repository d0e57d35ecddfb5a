"""Refresh racing revoke, refresh and logout: never two living successors, never one after an acknowledged end."""

import json

import pytest

from faults.load import PEOPLE, Mint
from faults.races import TOGETHER, Races

pytestmark = pytest.mark.campaign


def rotations(server) -> list[tuple[str, int]]:
    """Session and generation of every ROTATE record."""
    done = server.cli("journal", "dump", "--state", str(server.state_path))
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    # The value's low half is the generation; above it stands what was asked for.
    return [(record["key"], record["value"] & 0xFFFFFFFF) for record in records if record["kind"] == "ROTATE"]


@pytest.mark.parametrize("race", ["refresh", "revoke", "logout"])
def test_ten_thousand_rounds_of_refresh_racing(make_server, is_full, race):
    """10,000 rounds in the long form; across a `kill -9` what is over stays over."""
    rounds = 10_000 if is_full else 240
    server = make_server(people=PEOPLE, alg="HS256", access_ttl="1h", refresh_grace="60s", log_level="info", threads=2)
    server.start()
    races = Races(server, Mint(server), seed=rounds)
    done = 0
    while done < rounds:
        count = min(races.chance.choice((1, 2, TOGETHER)), rounds - done)
        if race == "refresh":
            races.refresh_against_refresh(count)
        else:
            races.refresh_against_end(count, race)
        done += count
    print(f"{done} rounds of refresh racing {race}: {dict(races.outcomes)}")
    assert len(races.outcomes) >= 2, f"the race was never close: {races.outcomes}"
    written = rotations(server)
    assert len(written) == len(set(written)) >= done / 2, "a generation was issued twice"
    races.close()
    server.restart()
    races.check_the_dead()
    races.close()
