"""clients/verifier: each token is accepted or rejected as /verify of the service does, with the same code."""

import json
import random
import time

import pytest

from harness.feed import FakeSource
from harness.server import Server
from harness.tokens import Forge, b64url, claims_of, compact, sign
from harness.verifiers import COMMANDS, Verifier

# Values of each claim: of every JSON type, and at the limits of numbers. Texts with escapes are not among them: the
# service, which writes none, rejects them in names (claim_invalid); for the clients they are another spelling.
VALUES = [
    None, True, False, 0, 1, -1, 1.0, 1.5, 1e300, 2**53, 2**53 - 1, 2**63, 2**64, 253_402_300_799, 253_402_300_800, "",
    " ", "x", "1", "api", "api ", "API", [], [""], ["api"], ["api", "x"], ["api", 1], [["api"]], {},
    {"a": 1}, "01a1fc45-fa3a-7245-bc21-8bbb517837bb", "01A1FC45-FA3A-7245-BC21-8BBB517837BB",
    "01a1fc45fa3a7245bc218bbb517837bb",
]  # fmt: skip
CLAIMS = ["iss", "sub", "aud", "client_id", "iat", "exp", "nbf", "jti", "sid", "scope"]
# The clients know no accounts, and look at the time of a session only to compare it with a cut.
ACCOUNTS = {"subject_revoked", "client_revoked"}


@pytest.fixture(scope="module")
def source(server):
    """Revocations by script, with the keys of the service."""
    token = server.login().access
    source = FakeSource(issuer=server.url)
    source.keys = [server.key_of(token)]
    yield source
    source.stop()


@pytest.fixture(scope="module", params=COMMANDS)
def client(request, source):
    if COMMANDS[request.param][0] is None:
        pytest.skip(f"{request.param} is not here")
    client = Verifier(request.param, url=source.url, issuer=source.issuer, audience="api")
    client.wait(lambda status: status["state"] == "following", 20)
    yield client
    client.close()


def compare(server: Server, client: Verifier, tokens: list[str]) -> None:
    wrong = []
    for token in tokens:
        expected, found = server.refusal(token, audience="api"), client.code(token)
        if expected != found and not (expected in ACCOUNTS and found == ""):
            wrong.append((expected, found, token[:400]))
    assert wrong == []


@pytest.fixture
def forge(server) -> Forge:
    return server.forge(server.login().access)


@pytest.mark.parametrize("claim", CLAIMS)
def test_values_of_claims(server, client, forge, claim):
    values = VALUES + [f"{VALUES[-2]}\n"] if claim in ("jti", "sid") else VALUES
    compare(server, client, [forge.token(without=(claim,)), *(forge.token(**{claim: value}) for value in values)])


def test_headers(server, client, forge):
    values = [None, 1, "", "x", "none", "NONE", "RS256", "rs256", "RS512", "PS256", "HS256", "ES256", [], {}, True]
    names = ("alg", "kid", "typ", "crit", "b64", "jwk", "x")
    tokens = [forge.token({name: value}) for name in names for value in values]
    tokens += [forge.token(without=(name,)) for name in ("alg", "kid", "typ")]
    types = ("AT+JWT", "application/at+jwt", "at+jwt ", "application/application/at+jwt")
    tokens += [forge.token({"typ": typ}) for typ in types]
    compare(server, client, tokens)


def test_times(server, client, forge):
    now = int(time.time())
    tokens = [forge.token(exp=now + by) for by in (-100, -2, 60)] + [forge.token(nbf=now + by) for by in (-5, 100)]
    compare(server, client, tokens)


def spellings(claims: dict, header: dict) -> list[tuple[bytes, bytes]]:
    """Headers and payloads that mean the same, or that no encoder writes."""
    text, head = compact(claims), compact(header)
    nested = b'{"x":' + b"[" * 20 + b"]" * 20 + b"," + text[1:]
    deep = b'{"alg":"RS256","x":' + b"[" * 2_900 + b"]" * 2_900 + b"}"
    changed = [
        json.dumps(claims, indent=3).encode(), b" " + text + b"\r\n\t", text[:-1] + b',"x":"\\u00e9\\n\\\\\\""}',
        text[:-1] + b',"x":"\xc3\xa9"}', text[:-1] + b',"x":"\xff"}', text[:-1] + b',"x":"\xed\xa0\x80"}',
        text[:-1] + b',"x":"\xc0\xaf"}', text[:-1] + b',"x":"\xef\xbf\xbd"}', b"\xef\xbb\xbf" + text, text + b"x",
        text + b"\x00", text[:-1], text[:-1] + b",}", text[:-1] + b',"iss":"x"}', text[:-1] + b',"i\\u0073s":"x"}',
        text[:-1] + b',"x":{"a":1,"a":2}}', text[:-1] + b',"x":[{"a":1},{"a":2}]}', text[:-1] + b',"x":":","y" :":"}',
        text[:-1] + b',"x":01}', text[:-1] + b',"x":1.}', text[:-1] + b',"x":+1}', text[:-1] + b',"x":1e5}',
        text[:-1] + b',"x":1e999}', text[:-1] + b',"x":NaN}', text[:-1] + b',"x":-0}', text[:-1] + b",'x':1}",
        text[:-1] + b',"x":"\t"}', text[:-1] + b',"__proto__":{"sub":"x"}}', text[:-1] + b',"constructor":1}',
        text[:-1] + b',"__proto__":1,"__proto__":1}', text[:-1] + b',"":1}', text[:-1] + b',"":1,"":2}',
        nested, b"[" + text + b"]", b"null", b"1", b'"x"', b"", b"{}", text[:-1] + b',"1":1,"0":2}',
        text[:-1] + b',"x":null}', text[:-1] + b'/**/}', text[:-1] + b',"x":tru}',
    ]  # fmt: skip
    tokens = [(head, each) for each in changed]
    more = [
        json.dumps(header, indent=1).encode(), head[:-1] + b',"alg":"RS256"}', head[:-1] + b',"a\\u006cg":"none"}',
        head[:-1] + b',"x":{"y":1,"y":1}}', b"\xef\xbb\xbf" + head, head + b" ", b"null", b"[]",
        deep, deep.replace(b"[", b'{"":').replace(b"]", b"}"),
        head[:-1] + b',"crit":null}', head[:-1] + b',"x":"\xff"}',
    ]  # fmt: skip
    return tokens + [(each, text) for each in more]


def test_spellings_of_json(server, client, forge):
    compare(server, client, [sign(head, text, forge.key) for head, text in spellings(forge.claims, forge.header)])


def test_spellings_of_tokens(server, client, forge):
    token = forge.token()
    head, payload, tail = token.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(tail[-1])
    tokens = [
        head, f"{head}.{payload}", f"{head}.{payload}.", f".{payload}.{tail}", f"{head}..{tail}", "..", "...",
        f"{token}.", f".{token}", f"{token}=", f"{token}==", f"{head}=.{payload}.{tail}", f"{head}.{payload}=.{tail}",
        f"{head}.{payload}.{tail[:-1]}{alphabet[last ^ 1]}", f"{head}.{payload}.{tail[:-1]}",
        f"{head}.{payload}.{tail}A",
        f"{head}.{payload}.{tail.replace('-', '+').replace('_', '/')}", token.upper(), token.swapcase(),
        f"{head}.{payload}.{tail[:9]}*{tail[9:]}", f"{head}.{payload[:9]}\u00e9{payload[9:]}.{tail}",
        f"{head}.{b64url(b'{}')}.{tail}", f"{b64url(b'{}')}.{payload}.{tail}", "x" * 8_192, "x" * 8_193,
        f"{head}.{payload}.{'A' * 7_000}",
    ]  # fmt: skip
    compare(server, client, tokens)


def test_random_changes(server, client, forge, is_full):
    chance = random.Random(15)
    token, tokens = forge.token(), []
    for _ in range(3_000 if is_full else 300):
        changed = list(token)
        for _ in range(chance.choice((1, 1, 2, 5))):
            at = chance.randrange(len(changed))
            changed[at : at + chance.choice((0, 1, 1, 1, 2))] = chance.choice(("", "A", "_", "-", ".", "=", "z", "AA"))
        tokens.append("".join(changed))
    compare(server, client, tokens)


def test_they_agree_on_a_good_token(server, client, forge):
    """So that the tests above cannot pass because everything is rejected."""
    token = forge.token()
    assert server.refusal(token, audience="api") == client.code(token) == ""
    assert client.ask("verify", token=token)["claims"] == claims_of(token)
