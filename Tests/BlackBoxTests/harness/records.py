"""The records of a server's journal, as `martlet journal dump` prints them."""

import json


def journal(server) -> list[dict]:
    """Every record of the journal, by the service's own dump."""
    done = server.cli("journal", "dump", "--state", str(server.state_path))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def count(records: list[dict], kind: str) -> int:
    return sum(str(record["kind"]).upper() == kind for record in records)
