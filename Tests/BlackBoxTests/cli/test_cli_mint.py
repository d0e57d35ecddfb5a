"""`martlet mint`: a token without a login, and the line on the disk that tells of it."""

import json
import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.accounts import AMY
from harness.process import command
from harness.tokens import claims_of, header_of


def lines(server) -> list[dict]:
    return [json.loads(line) for line in (server.state_path / "audit.log").read_text().splitlines()]


@pytest.fixture(scope="module")
def minting(fleet):
    server = fleet.make()
    server.start()
    yield server
    fleet.close(server)


def mint(server, *arguments, **settings):
    files = {"users": server.users_path, "state": server.state_path, "keys": server.keys_path}
    done = command(
        "mint", *arguments, cwd=server.directory, issuer=server.url, audience="api,billing,partner",
        hs256_audiences="partner", **(files | settings),
    )  # fmt: skip
    server.remember(done.stdout.strip())
    return done


def test_a_running_server_takes_and_revokes_it_like_any_other(minting):
    done = mint(minting, "--user", AMY.name, "--scope", "read write", "--role", "ops", "--claim", 'team="blue"',
                "--ttl", "2m", "--reason", "the\nlogin is down")  # fmt: skip
    assert done.returncode == 0, done.stderr
    token = done.stdout.strip()
    claims = claims_of(token)
    answer = minting.verify(token, audience="api", scope="read")
    assert answer.status_code == 200 and answer.json()["claims"] == claims
    assert header_of(token)["typ"] == "at+jwt" and claims["exp"] - claims["iat"] == 120
    assert (claims["team"], claims["roles"], claims["client_id"]) == ("blue", ["ops"], "martlet-mint")
    assert claims["jti"] not in done.stdout
    line = lines(minting)[-1]
    assert (line["jti"], line["sid"], line["sub"]) == (claims["jti"], claims["sid"], claims["sub"])
    assert line["event"] == "token_minted" and line["reason"] == "the\nlogin is down" and line["uid"] == os.getuid()
    assert line["kid"] == header_of(token)["kid"] and line["aud"] == ["api"] and line["exp"] == claims["exp"]
    assert line["claims"] == {"team": "blue"} and line["forced"] is False
    text = (minting.state_path / "audit.log").read_text()
    assert not any(part in text for part in token.split(".")[1:])
    assert "audit.log" in done.stderr and "expires in 2m" in done.stderr and header_of(token)["kid"] in done.stderr
    assert minting.cut(sid=claims["sid"]).status_code == 200
    assert minting.refusal(token) == "session_revoked"
    # The journal knows nothing of the file beside it.
    assert minting.cli("journal", "verify").returncode == 0


def test_it_signs_as_the_server_would(minting):
    assert header_of(mint(minting, "--user", AMY.name).stdout)["alg"] == "RS256"
    shared = mint(minting, "--user", AMY.name, "--audience", "partner")
    assert header_of(shared.stdout)["alg"] == "HS256" and minting.refusal(shared.stdout.strip(), audience="partner") == ""
    two = claims_of(mint(minting, "--subject", "robot", "--audience", "api", "--audience", "billing").stdout)
    assert two["aud"] == ["api", "billing"] and two["sub"] == "robot" and two["exp"] - two["iat"] == 600


def test_the_longest_lifetime_is_the_servers(minting):
    count = len(lines(minting))
    done = mint(minting, "--user", AMY.name, "--ttl", "11m")
    assert done.returncode == 2 and "MARTLET_ACCESS_TTL" in done.stderr and done.stdout == ""
    assert mint(minting, "--user", AMY.name, "--ttl", "25h", "--force").returncode == 2
    assert len(lines(minting)) == count
    done = mint(minting, "--user", AMY.name, "--ttl", "8h", "--force")
    claims = claims_of(done.stdout)
    assert claims["exp"] - claims["iat"] == 28_800 and lines(minting)[-1]["forced"] is True
    assert minting.refusal(done.stdout.strip()) == ""


def test_nothing_is_handed_out_that_is_not_noted(minting, tmp_path):
    (tmp_path / "audit.log").mkdir()
    done = mint(minting, "--user", AMY.name, state=tmp_path)
    assert done.returncode == 1 and done.stdout == "" and "no token was printed" in done.stderr
    done = mint(minting, "--user", AMY.name, state="/dev/null/x")
    assert done.returncode == 1 and done.stdout == ""


def test_the_audit_file(minting, tmp_path):
    folder = tmp_path / "state"
    assert mint(minting, "--user", AMY.name, state=folder).returncode == 0
    path = folder / "audit.log"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(folder.stat().st_mode) == 0o700
    # What a crash left half-written stays a line of its own.
    with path.open("a") as file:
        file.write('{"time":"20')
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: mint(minting, "--user", AMY.name, state=folder), range(8)))
    assert all(one.returncode == 0 for one in done)
    entries = path.read_text().splitlines()
    assert len(entries) == 10 and entries[1] == '{"time":"20'
    noted = {json.loads(entry)["jti"] for entry in entries[:1] + entries[2:]}
    assert {claims_of(one.stdout)["jti"] for one in done} <= noted


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ((), 2), (("--user", "amy", "--subject", "x"), 2), (("--subject", ""), 2), (("--subject", "client:x"), 2), (("--subject", "External:x"), 2), (("--subject", "x", "--ttl", "0s"), 2),
        (("--subject", "x", "--ttl", "soon"), 2), (("--subject", "x", "--alg", "none"), 2),
        (("--subject", "x", "--claim", "exp=1"), 2), (("--subject", "x", "--claim", "a"), 2), (("--subject", "x", "--claim", "a=b"), 2),
        (("--subject", "x", "--scope", 'a"'), 2), (("--user", "nobody"), 1), (("--subject", "x", "--alg", "ES384"), 1),
        (("--subject", 'x"y'), 1), (("--subject", "x", "--role", "r" * 5_000), 2), (("--subject", "x", "--role", "a,b"), 2),
        (("--subject", "x", "--audience", "api", "--audience", "partner"), 2), (("--subject", "x", "stray"), 2),
    ],
)  # fmt: skip
def test_what_cannot_be_minted(minting, words, status):
    path = minting.state_path / "audit.log"
    before = path.read_text() if path.exists() else ""
    done = mint(minting, *words)
    assert done.returncode == status and done.stdout == "" and done.stderr.startswith("martlet mint: ")
    assert (path.read_text() if path.exists() else "") == before


def test_a_disabled_user_is_pointed_out(make_server):
    server = make_server().start()
    assert server.cli("user", "disable", AMY.name).returncode == 0
    done = mint(server, "--user", AMY.name)
    assert done.returncode == 0 and "disabled" in done.stderr
    server.wait_for(lambda: server.refusal(done.stdout.strip()) == "subject_revoked", what="the refusal")


def test_without_a_server(make_server):
    server = make_server().start()
    server.stop()
    begin = int(time.time())
    done = mint(server, "--user", AMY.name)
    assert done.returncode == 0 and claims_of(done.stdout)["iat"] >= begin
    assert len(lines(server)) == 1
    server.run_once()
    assert server.refusal(done.stdout.strip()) == ""
