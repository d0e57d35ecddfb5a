"""`martlet verify --revocations`: offline, with the snapshot of a server or of another program."""

import base64
import importlib.util
import json
import subprocess
import time

import pytest

from conftest import VECTORS
from harness.offline import run

NOW = int(time.time())


def vectors():
    """The program that writes Tests/Vectors/feed, with the time of this run."""
    spec = importlib.util.spec_from_file_location("feed_vectors", VECTORS / "feed/generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("revocations")
    made = vectors()
    made.NOW = NOW
    (place / "jwks.json").write_text(json.dumps(made.jwks()))
    for name, content, fault in made.snapshots():
        (place / name).write_bytes(content)
    return place


def token(claims: dict, kid: str = "key-1", **changes) -> str:
    made = vectors()
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
    return made.sign(header, claims | {"exp": NOW + 600} | changes, made.ED25519)


CASES = json.loads((VECTORS / "feed/cases.json").read_text())["groups"][0]["cases"]
GOOD = CASES[0]["claims"]
CODES = {"token": "token_revoked", "session": "session_revoked", "subject": "subject_revoked", "all": "subject_revoked",
         "client": "client_revoked"}


def verify(place, text: str, snapshot: str = "snapshot.snap", *options: str) -> subprocess.CompletedProcess:
    return run(place, "verify", text, "--jwks", "jwks.json", "--revocations", snapshot, "--json", *options)


def code(done: subprocess.CompletedProcess) -> tuple[int, str]:
    return done.returncode, json.loads(done.stdout).get("code", "")


@pytest.mark.parametrize("case", [case for case in CASES if case["denied"] != "key"], ids=lambda case: case["name"])
def test_every_case_of_the_vectors_gets_its_verdict(place, case):
    expected = (0, "") if case["denied"] is None else (1, CODES[case["denied"]])
    assert code(verify(place, token(case["claims"]))) == expected


def test_a_revoked_key_rejects_everything(place):
    made = vectors()
    made.NOW = NOW
    records = [made.cut(7, "key", "key-1", made.CUT_AT, made.FOREVER)[0]]
    (place / "key-cut.snap").write_bytes(made.snapshot(records))
    assert code(verify(place, token(GOOD), "key-cut.snap")) == (1, "key_revoked")


def test_both_kinds_of_keys_sign(place):
    for name in ("snapshot.snap", "snapshot-es256.snap", "snapshot-empty.snap"):
        assert code(verify(place, token(GOOD), name)) == (0, ""), name


@pytest.mark.parametrize("snapshot", json.loads((VECTORS / "feed/snapshots.json").read_text())["snapshots"],
                         ids=lambda snapshot: snapshot["file"])
def test_a_snapshot_that_is_not_whole_is_no_snapshot(place, snapshot):
    done = verify(place, token(GOOD), snapshot["file"], "--issuer", "https://auth.example.com")
    if snapshot["fault"] is None:
        assert done.returncode == 0
        return
    assert done.returncode == 2 and done.stdout == ""
    assert f"{snapshot['file']}: not a usable snapshot: " in done.stderr


def test_any_flipped_bit_is_found(place):
    content = (place / "snapshot.snap").read_bytes()
    for bit in range(0, len(content) * 8, 397):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        (place / "flipped.snap").write_bytes(damaged)
        assert verify(place, token(GOOD), "flipped.snap").returncode == 2, bit


def test_a_snapshot_that_is_too_old_decides_nothing(place):
    made = vectors()
    records = [data for data, _ in made.RECORDS]
    for age, options, expected in (
        (3_000, (), 0),
        (3_601, (), 3),
        (61, ("--revocations-max-age", "60s"), 3),
        (10, ("--revocations-max-age", "60s"), 0),
        (90_000, ("--revocations-max-age", "30h"), 0),
    ):
        (place / "old.snap").write_bytes(made.snapshot(records, iat=int(time.time()) - age))
        done = verify(place, token(GOOD), "old.snap", *options)
        assert done.returncode == expected, (age, done.stdout)
        if expected:
            assert code(done)[1] == "revocations_stale" and "--revocations-max-age" in done.stdout
    (place / "ahead.snap").write_bytes(made.snapshot(records, iat=int(time.time()) + 600))
    assert "in the future" in verify(place, token(GOOD), "ahead.snap").stderr


def test_a_token_of_another_issuer_stays_undecided(place):
    done = verify(place, token(GOOD, iss="https://else.example.com"))
    assert code(done) == (3, "revocations_unusable")


def test_a_rejected_token_needs_no_revocations(place):
    assert code(verify(place, token(GOOD, exp=NOW - 5)))[1] == "token_expired"


def test_mistakes_in_the_command_line(place):
    for options, said in (
        (("--revocations-max-age", "5s"), "requires --revocations"),
        (("--revocations", "missing.snap"), "missing.snap: "),
        (("--revocations", "snapshot.snap", "--revocations-client", "x"), "is for a URL"),
        (("--revocations", "ftp://a/"), "--revocations: "),
    ):
        done = run(place, "verify", token(GOOD), "--jwks", "jwks.json", *options)
        assert done.returncode == 2 and said in done.stderr, (options, done.stderr)
    done = run(place, "verify", token(GOOD), "--server", "http://127.0.0.1:1", "--revocations", "snapshot.snap")
    assert done.returncode == 2 and "cannot be combined with --server" in done.stderr


def test_the_snapshot_of_a_server_is_fetched(make_server):
    server = make_server()
    secret = server.add_client("edge", "--scope", "revocations:read")
    server.start()
    session, ended = server.login(), server.login()
    server.revoke(ended.refresh)
    (server.directory / "edge").write_text(f"edge:{secret}\n")
    issuer = server.settings["issuer"]
    url = f"{issuer}/revocations/snapshot"

    def said(token: str, *options: str) -> tuple[int, str]:
        done = server.cli("verify", token, "--issuer", issuer, "--no-cache", "--revocations", url, "--json", *options)
        return done.returncode, json.loads(done.stdout).get("code", "")

    client = ("--revocations-client", str(server.directory / "edge"))
    assert said(session.access, *client) == (0, "")
    assert said(ended.access, *client) == (1, "session_revoked")
    assert said(session.access) == (3, "revocations_unreachable")
    content = server.http.get("/revocations/snapshot", auth=("edge", secret)).content
    (server.directory / "copy.snap").write_bytes(content)
    done = server.cli("verify", ended.access, "--issuer", issuer, "--revocations", str(server.directory / "copy.snap"))
    assert done.returncode == 1 and "session_revoked" in done.stdout
    assert base64.b64encode(content)
