"""A snapshot of very many revocations: how soon it is there, and who accepts and rejects it.

A million in the long form (MARTLET_TEST_FULL=1, with the release binary): three seconds each for the server and for the
start of a follower.
"""

import base64
import http.client
import json
import socket
import time
import uuid

import pytest

from harness.feed_source import follower
from harness.offline import run
from harness.verifiers import COMMANDS, Verifier

pytestmark = pytest.mark.campaign
READER = "reader"
CONNECTIONS = 128
LIMIT_SECONDS = 3


def record(server, count: int) -> None:
    """Revokes tokens that never were, with one request on its way on each connection, so that many share a commit."""
    links = []
    try:
        for _ in range(CONNECTIONS):
            links.append(socket.socket(socket.AF_UNIX))
            links[-1].connect(str(server.directory / "operator.sock"))
        for start in range(0, count, CONNECTIONS):
            used = links[: min(CONNECTIONS, count - start)]
            for link in used:
                content = json.dumps({"jti": str(uuid.uuid4())})
                link.sendall(
                    "POST /admin/revocations HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(content)}\r\n\r\n{content}".encode()
                )
            for link in used:
                answer = link.recv(65_536)
                assert answer.startswith(b"HTTP/1.1 200 "), answer
    finally:
        for link in links:
            link.close()


def download(server) -> tuple[float, bytes]:
    """The seconds until the snapshot begins to arrive, and the snapshot."""
    credentials = base64.b64encode(f"{READER}:{server.reader}".encode()).decode()
    link = http.client.HTTPConnection(*server.address, timeout=60)
    began = time.monotonic()
    link.request("GET", "/revocations/snapshot", headers={"Authorization": f"Basic {credentials}"})
    answer = link.getresponse()
    assert answer.status == 200
    seconds = time.monotonic() - began
    content = answer.read()
    link.close()
    return seconds, content


@pytest.fixture
def home(make_server, is_full):
    server = make_server(alg="RS256", access_ttl="1h")
    server.reader = server.add_client(READER, "--scope", "revocations:read")
    (server.directory / "credentials").write_text(f"{READER}:{server.reader}\n")
    server.start()
    server.count = 1_000_000 if is_full else 3_000
    record(server, server.count)
    return server


@pytest.fixture
def tokens(home) -> dict[str, str]:
    """Tokens with the code that each must get."""
    good, revoked, ended = (home.login() for _ in range(3))
    assert home.revoke(revoked.access).status_code == 200 and home.revoke(ended.refresh).status_code == 200
    return {good.access: "", revoked.access: "token_revoked", ended.access: "session_revoked"}


def test_very_many_revocations_are_read_by_all_and_checked_by_all(home, tokens, make_server, is_full):
    made, content = download(home)
    end = content.index(b"\n")
    assert (len(content) - end - 1) // 64 >= home.count + 2
    place = home.directory
    keys = home.http.get("/.well-known/jwks.json").json()
    (place / "jwks.json").write_text(json.dumps(keys))
    flipped = bytearray(content)
    flipped[end + 1 + (len(content) - end) // 2] ^= 0x10
    for name, text in (("whole", content), ("flipped", flipped)):
        (place / f"{name}.snap").write_bytes(text)

    issuer = home.settings["issuer"]
    cli = lambda token, *options, name="whole": run(
        place, "verify", "-", "--jwks", "jwks.json", "--revocations", f"{name}.snap", "--json", *options, stdin=token
    )
    good = next(iter(tokens))
    for token, code in tokens.items():
        done = cli(token)
        assert (done.returncode, json.loads(done.stdout).get("code", "")) == (1 if code else 0, code), done.stderr
    assert cli(good, name="flipped").returncode == 2
    assert cli(good, "--issuer", "https://other.example.com").returncode == 2
    loads = {}
    for language in (name for name, command in COMMANDS.items() if command[0]):
        options = {"issuer": issuer, "audience": "api", "jwks": keys}
        verifier, other = Verifier(language, **options), Verifier(language, **options | {"issuer": "https://b.example"})
        try:
            assert "Damaged" in verifier.ask("load", file=str(place / "flipped.snap"))["error"]
            assert verifier.code(good) == "stale"
            began = time.monotonic()
            assert "claims" in verifier.ask("load", file=str(place / "whole.snap"), max_age=600)
            loads[language] = time.monotonic() - began
            assert {token: verifier.code(token) for token in tokens} == tokens
            assert "Damaged" in other.ask("load", file=str(place / "whole.snap"))["error"]
        finally:
            verifier.close()
            other.close()

    began = time.monotonic()
    edge = follower(make_server, home.url, issuer=issuer, follow_credentials=place / "credentials")
    while edge.operator.get("/readyz").status_code != 200:
        assert time.monotonic() - began < 60
        time.sleep(0.02)
    started = time.monotonic() - began
    assert {token: edge.refusal(token) for token in tokens} == tokens
    edge.restart()
    assert {token: edge.refusal(token) for token in tokens} == tokens
    print(
        f"{home.count:,} revocations, {len(content) / 1e6:.1f} MB: made in {made:.2f} s, a follower starts in {started:.2f} s, "
        + ", ".join(f"{language} loads it in {seconds:.2f} s" for language, seconds in loads.items())
    )

    # An old one: everything above accepted it, because it was new enough.
    time.sleep(2.1)
    assert cli(good, "--revocations-max-age", "1s").returncode == 3
    for language in loads:
        verifier = Verifier(language, issuer=issuer, audience="api", jwks=keys)
        try:
            assert verifier.ask("load", file=str(place / "whole.snap"), max_age=1)["code"] == "stale"
            assert verifier.code(good) == "stale"
        finally:
            verifier.close()
    assert max(made, started) <= LIMIT_SECONDS * (1 if is_full else 5)
