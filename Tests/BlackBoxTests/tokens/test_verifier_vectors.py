"""clients/verifier: the vectors of Tests/Vectors/feed, which any other client can be written against."""

import json
from pathlib import Path

import pytest

from harness.feed import ALL, CLIENT, KEY, SUBJECT, high, record
from harness.verifiers import COMMANDS, Verifier

FOLDER = Path(__file__).parents[2] / "Vectors/feed"
KINDS = {"subject": SUBJECT, "client": CLIENT, "key": KEY, "all": ALL}
CODES = {kind: f"{kind}_revoked" for kind in ("token", "session", *KINDS)} | {"all": "subject_revoked"}


def read(name: str):
    return json.loads((FOLDER / name).read_text())


SNAPSHOTS = read("snapshots.json")


@pytest.fixture(scope="module", params=COMMANDS)
def client(request):
    if COMMANDS[request.param][0] is None:
        pytest.skip(f"{request.param} is not here")
    client = Verifier(request.param, issuer=SNAPSHOTS["issuer"], jwks=read("jwks.json"), audience="api")
    yield client
    client.close()


def binary(of: dict) -> str:
    """The 64 bytes of a record in JSON, in hexadecimal."""
    seq, expires = int(of["seq"].split(":")[1]), of["expires"] * 1000
    if of["kind"] != "cut":
        kind, name, flags, value = {"token": 1, "session": 2}[of["kind"]], of["id"], int("any_expiry" in of), 0
    else:
        kind, name, value = 4, of.get("spares", of.get("id")), high(of["before"])
        flags = KINDS[of["of"]] << 4 | int("spares" in of)
    return record(seq, kind, bytes.fromhex(name.replace("-", "")), flags=flags, value=value, expires=expires).hex()


def test_the_records_in_json_are_those_in_binary():
    for each in read("records.json")["records"]:
        made, given = bytes.fromhex(binary(each["json"])), bytes.fromhex(each["hex"])
        # Without checksum, flags of a dependent cut, reason, milliseconds of the end, and time.
        for part in (slice(4, 5), slice(8, 32), slice(40, 48), slice(56, 64)):
            assert made[part] == given[part], each
        assert made[5] & ~8 == given[5] & ~8


@pytest.mark.parametrize("group", range(len(read("cases.json")["groups"])))
def test_each_token_is_denied_as_expected_in_any_order_of_records(client, group):
    cases = read("cases.json")["groups"][group]
    tokens = [{"kid": each["header"]["kid"], "claims": each["claims"]} for each in cases["cases"]]
    expected = [CODES.get(each["denied"]) for each in cases["cases"]]
    records = [binary(each) for each in cases["records"]]
    for order in (["".join(records)], records, records[::-1], records + records):
        found = client.ask("deny", records=order, tokens=tokens)["codes"]
        pairs = zip(cases["cases"], found, expected, strict=True)
        assert [(each["name"], code, wanted) for each, code, wanted in pairs if code != wanted] == []


def test_the_binary_records_are_accepted_as_they_are(client):
    content = (FOLDER / "records.bin").read_bytes()
    assert client.ask("deny", records=[content.hex()], tokens=[]) == {"codes": []}


@pytest.mark.parametrize("damage", read("damaged.json"), ids=lambda each: each["name"])
def test_damaged_records_are_rejected(client, damage):
    assert "Damaged" in client.ask("deny", records=[damage["hex"]], tokens=[])["error"]


@pytest.mark.parametrize("snapshot", SNAPSHOTS["snapshots"], ids=lambda each: each["file"])
def test_snapshots_are_accepted_or_rejected(client, snapshot):
    answer = client.ask("load", file=str(FOLDER / snapshot["file"]))
    if snapshot["fault"] is None:
        assert answer["claims"]["iss"] == SNAPSHOTS["issuer"]
    else:
        assert "claims" not in answer, snapshot
