"""The corpus of forged tokens (harness/attacks.py) against everything that takes a token."""

import functools
import socket
import time
from xml.etree import ElementTree

import httpx
import pytest

from harness.attacks import FAMILIES, Material

COUNT_MIN = 400
ANSWER_SECONDS_MAX = 0.05
pytestmark = pytest.mark.alone
HEADER_BYTE_COUNT_MAX = 12_000
BODY_BYTE_COUNT_MAX = 60_000


class Target:
    """One server, and what the forgeries against it are made from."""

    def __init__(self, server, listener: socket.socket, audience: str):
        self.server = server
        self.audience = audience
        self.slowest = 0.0
        session, revoked = server.login(audience=audience), server.login(audience=audience)
        assert server.revoke(revoked.access).status_code == 200
        published = server.http.get("/.well-known/jwks.json").json()["keys"]
        self.material = Material(
            access=session.access,
            refresh=session.refresh,
            revoked=revoked.access,
            key=server.key_of(session.access),
            published=published[0],
            refresh_key=server.keys.refresh,
            silent_url=f"http://127.0.0.1:{listener.getsockname()[1]}/keys",
        )

    def ask(self, method: str, path: str, **request):
        """An answer, in time: a busy machine may spoil one look, not four."""
        auth = request.pop("auth", httpx.USE_CLIENT_DEFAULT)
        for _ in range(4):
            made = self.server.http.build_request(method, path, **request)
            started = time.perf_counter()
            answer = self.server.http.send(made, auth=auth)
            took = time.perf_counter() - started
            if took < ANSWER_SECONDS_MAX:
                break
        assert took < ANSWER_SECONDS_MAX, (method, path, took)
        self.slowest = max(self.slowest, took)
        return answer

    def refuse(self, token: str) -> None:
        """/verify by content and by header, /auth by header and by cookie, and /introspect all say no."""
        answer = self.ask("POST", "/verify", json={"token": token, "audience": self.audience})
        is_long = len(token.encode("utf-8", "backslashreplace")) > BODY_BYTE_COUNT_MAX
        assert answer.status_code == (413 if is_long else 401), answer.text
        assert "claims" not in answer.json()
        told = self.ask("POST", "/introspect", data={"token": token}, auth=("shop", self.server.shop))
        if is_long:
            assert told.status_code == 413
            self.refuse_long_field(token)
            return
        assert (told.status_code, told.json()) == (200, {"active": False})
        if not all(33 <= ord(letter) < 127 for letter in token) or not 0 < len(token) < HEADER_BYTE_COUNT_MAX:
            return
        bearer = {"Authorization": f"Bearer {token}"}
        assert self.ask("GET", f"/verify?audience={self.audience}", headers=bearer).status_code in (400, 401)
        for headers in (bearer, {"Cookie": f"__Host-martlet={token}"}):
            answer = self.ask("GET", f"/auth?aud={self.audience}", headers=headers)
            assert answer.status_code == 401, answer.text
            assert not any(name.startswith("x-auth-") and value for name, value in answer.headers.items())

    def refuse_long_field(self, token: str) -> None:
        """A token longer than any head may be: 431, and the connection closes."""
        with self.server.wire() as wire:
            wire.send(f"GET /auth HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
            assert wire.answer().status == 431


@pytest.fixture(scope="module")
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        yield listener


@pytest.fixture(scope="module")
def target(server, listener) -> Target:
    return Target(server, listener, "api")


@functools.cache
def cases(target: Target, family: str):
    return list(FAMILIES[family](target.material))


def refuse_all(target: Target, family: str) -> None:
    for name, token in cases(target, family):
        try:
            target.refuse(token)
        except AssertionError as error:
            raise AssertionError(f"{family}: {name}: {error}") from error


def test_the_material_is_good_and_the_corpus_large(target):
    """Without its fault each token would be taken: what the forgeries change is all that is wrong with them."""
    m = target.material
    for token in (m.access, m.changed(), m.raw(), m.changed({"x-unknown": 1}, novelty=[1])):
        assert target.server.refusal(token) == ""
    assert target.server.refusal(m.revoked) == "token_revoked"
    tokens = {token for family in FAMILIES for _, token in cases(target, family)}
    assert len(tokens) >= COUNT_MIN
    assert m.access not in tokens
    print(f"{len(tokens)} forged tokens in {len(FAMILIES)} families")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_forged_token_is_refused_everywhere(target, listener, family):
    """A1 to A10, A14 to A16, B1 to B3, B6, B8, B9, B11, B17 to B19, D9, E1 to E10: same process, in time, no call out."""
    pid = target.server.pid
    refuse_all(target, family)
    assert target.server.run.is_running and target.server.pid == pid
    with pytest.raises(TimeoutError):
        listener.accept()
    assert target.server.refusal(target.material.access) == ""
    print(f"{family}: {len(cases(target, family))} tokens, slowest answer {target.slowest * 1000:.1f} ms")


@pytest.mark.parametrize("audience", ["partner"])
def test_the_families_that_an_hs256_token_can_have(server, listener, audience):
    """The same for tokens signed with a shared secret."""
    target = Target(server, listener, audience)
    for family in ("unsigned", "hostile kid", "extensions", "JSON", "a revoked token respelled", "times", "kinds", "signatures"):
        refuse_all(target, family)


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "PS256", "ES384", "RS512"])
def test_the_families_of_signatures_under_other_keys(make_server, listener, algorithm):
    """B2, B8, B9, B10, B12: each algorithm's own tokens with their signatures, names and spellings changed."""
    server = make_server(alg=algorithm, hs256_audiences="")
    server.shop = server.add_client("shop")
    # Not `start`, which brings keys along: the first start makes those of the algorithm.
    server.run_once()
    target = Target(server, listener, "api")
    assert target.material.header["alg"] == algorithm
    for family in ("unsigned", "another algorithm", "a revoked token respelled", "signatures", "ECDSA values", "carried keys"):
        refuse_all(target, family)
    assert server.refusal(target.material.access) == ""


def refused_by_command(server, tokens: list[str], *options: str) -> None:
    """`martlet verify` with one token a line: every one of them is a failure in its report."""
    report = server.directory / "report.xml"
    done = server.cli("verify", "-", *options, "--junit", str(report), stdin="\n".join(tokens) + "\n")
    assert done.returncode == 1, done.stderr
    suite = ElementTree.parse(report).getroot().find(".//testsuite")
    assert int(suite.get("tests")) == len(tokens)
    good = [n for n, case in enumerate(suite.iter("testcase")) if case.find("failure") is None]
    assert good == [], [tokens[n][:200] for n in good]


def test_the_command_refuses_what_the_service_refuses(target):
    """The whole corpus by `verify --server`; what can be told without asking, by `verify --jwks` too."""
    server = target.server
    (server.directory / "jwks.json").write_bytes(server.http.get("/.well-known/jwks.json").content)
    offline = [family for family in FAMILIES if family not in ("a revoked token respelled", "names", "times", "kinds")]
    asked = [token for family in FAMILIES for _, token in cases(target, family) if is_line(token)]
    # Tokens of other issuers may come without a kid: then each key is tried, and a genuine signature counts.
    told = [token for family in offline for name, token in cases(target, family) if is_line(token) and name != "none at all"]
    refused_by_command(server, asked, "--server", server.url, "--audience", "api")
    refused_by_command(server, told, "--jwks", str(server.directory / "jwks.json"), "--audience", "api")


def is_line(token: str) -> bool:
    """Whether a token can stand in a line of text by itself."""
    return 0 < len(token) < BODY_BYTE_COUNT_MAX and token.isascii() and token.isprintable() and token.strip() == token
