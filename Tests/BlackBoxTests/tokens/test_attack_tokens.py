"""Tokens that attackers make, against every endpoint that takes one."""

import base64
import json
import socket
import time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from harness.refusing import refused
from harness.server import Session
from harness.tokens import b64url, claims_of, compact, header_of, sign, unb64url

MALFORMED = "token_malformed"


@pytest.fixture(scope="module")
def rs(server) -> Session:
    return server.login()


@pytest.fixture(scope="module")
def hs(server) -> Session:
    return server.login(audience="partner")


def test_a_shared_secret_makes_no_tokens_for_other_audiences(server, hs):
    """B1: who holds the secret of `partner` cannot speak for `api`, with a session of its own or with none."""
    forge = server.forge(hs.access)
    assert server.refusal(forge.token()) == ""
    refused(server, forge.token(aud="api"), "alg_not_allowed")
    refused(server, forge.token(aud="api", without=("sid",)), "alg_not_allowed")
    for audience in (["partner", "api"], ["api", "partner"], ["partner", "elsewhere"]):
        refused(server, forge.token(aud=audience), "alg_not_allowed")
        assert server.refusal(forge.token(aud=audience), audience="partner") == "alg_not_allowed"


def test_a_shared_secret_ends_nothing_of_others(server, rs):
    """Its holder knows genuine tokens of `partner`, and signs another session, subject or client into them."""
    own = server.login(audience="partner")
    forge = server.forge(own.access)
    other = server.login(server.people[1])
    milliseconds = f"{int(time.time() * 1000) - 5_000:012x}"
    fresh = f"{milliseconds[:8]}-{milliseconds[8:]}-7000-8000-000000000001"
    forgeries = [
        forge.token(sid=rs.sid),
        forge.token(sid=fresh),
        forge.token(jti=rs.claims["jti"], exp=rs.claims["exp"]),
        forge.token(sub=other.claims["sub"]),
        forge.token(sub=other.claims["sub"], sid=other.sid, jti=other.claims["jti"], exp=other.claims["exp"]),
    ]
    for token in forgeries:
        bearer = {"Authorization": f"Bearer {token}"}
        for scope in ("local", "others", "global"):
            answer = server.http.post("/logout", data={"scope": scope}, headers=bearer)
            assert (answer.status_code, answer.json()["code"]) == (401, "alg_not_allowed")
        answer = server.revoke(token)
        assert (answer.status_code, answer.json()["code"]) == (403, "client_not_allowed")
    assert [server.refusal(session.access) for session in (rs, own, other)] == ["", "", ""]


@pytest.mark.parametrize("scope", ["local", "others", "global"])
def test_a_token_of_a_shared_secret_ends_its_own_session(make_server, scope):
    server = make_server(audience="api,partner", hs256_audiences="partner").start()
    mine, other = server.login(audience="partner"), server.login()
    answer = server.http.post("/logout", data={"scope": scope}, headers={"Authorization": f"Bearer {mine.access}"})
    assert answer.status_code == 204
    assert (server.refusal(mine.access) == "") == (scope == "others")
    assert (server.refusal(other.access) == "") == (scope == "local")


def test_several_audiences_are_told_of_at_the_start(server, make_server):
    (event,) = server.events("several_audiences")
    assert set(event["audiences"].split()) >= {"api", "partner"}
    assert not make_server(audience="api", hs256_audiences="").start().events("several_audiences")


NONE = ["none", "None", "NONE", "nOnE", "none ", " none", "", "n\u006fne", "null"]


@pytest.mark.parametrize("algorithm", NONE)
def test_alg_none_is_refused_in_every_spelling(server, rs, algorithm):
    """A7, A8: with no signature, with the old one, and with one made with an empty secret."""
    header = header_of(rs.access) | {"alg": algorithm}
    unsigned = sign(header, rs.claims, None)
    refused(server, unsigned, "alg_not_allowed", MALFORMED, "signature_invalid")
    refused(server, unsigned + rs.access.split(".")[2])
    refused(server, sign(header, rs.claims, b""))
    refused(server, unsigned.rstrip("."), MALFORMED)


@pytest.mark.parametrize(
    "algorithm", ["hs256", "RS512", "PS256", "HS256", "ES256", "EdDSA", "HS512", None, 7, ["RS256"], {}]
)
def test_a_key_is_bound_to_one_algorithm(server, rs, algorithm):
    """A7, B1, B2: the signature is genuine, only the header says otherwise."""
    forge = server.forge(rs.access)
    refused(server, forge.token({"alg": algorithm}), "alg_not_allowed", MALFORMED)
    refused(server, forge.token(without=("alg",)), "alg_not_allowed", MALFORMED)


def public_spellings(key: dict) -> dict[str, bytes]:
    """What an attacker might feed to HMAC: the public key in every usual writing."""
    numbers = rsa.RSAPublicNumbers(int.from_bytes(unb64url(key["e"]), "big"), int.from_bytes(unb64url(key["n"]), "big"))
    public = numbers.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    pkcs1 = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    jwk = {name: key[name] for name in ("kty", "n", "e")}
    return {
        "pem": pem,
        "stripped pem": pem.strip(),
        "spaced pem": b" " + pem,
        "crlf pem": pem.replace(b"\n", b"\r\n"),
        "pkcs1": pkcs1,
        "der": der,
        "jwk": compact(jwk),
        "pretty jwk": json.dumps(key).encode(),
        "modulus": unb64url(key["n"]),
        "modulus text": key["n"].encode(),
        "kid": key["kid"].encode(),
        "nothing": b"",
        "zeros": b"\0" * 32,
    }


def test_a_public_key_never_serves_as_an_hmac_secret(server, rs, hs):
    """B3: RS to HS confusion, with the RS key's kid, the HS key's kid, and none."""
    published = server.http.get("/.well-known/jwks.json").json()["keys"][0]
    for secret in public_spellings(published).values():
        for kid in (published["kid"], header_of(hs.access)["kid"], server.keys.refresh["kid"]):
            refused(
                server,
                sign({"alg": "HS256", "typ": "at+jwt", "kid": kid}, rs.claims, secret),
                "alg_not_allowed",
                "signature_invalid",
                "kid_unknown",
                "typ_mismatch",
            )


def test_an_hs_token_relabelled_as_rs_is_refused(server, hs):
    """B2."""
    header = header_of(hs.access) | {"alg": "RS256"}
    refused(server, sign(header, hs.claims, server.key_of(hs.access)), "alg_not_allowed")


def test_keys_carried_or_named_by_a_token_are_never_used_and_cause_no_request(server, rs):
    """B17: jwk, jku, x5u, x5c; a listening socket stays silent."""
    attacker = rsa.generate_private_key(65537, 2048)
    numbers = attacker.public_key().public_numbers()
    jwk = {"kty": "RSA", "n": b64url(numbers.n.to_bytes(256, "big")), "e": "AQAB", "kid": "mine", "alg": "RS256"}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.3)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/keys"
        for kid in ("mine", header_of(rs.access)["kid"], url):
            header = {"alg": "RS256", "typ": "at+jwt", "kid": kid, "jwk": jwk, "jku": url, "x5u": url, "x5c": ["MIIB"]}
            signing_input = f"{b64url(compact(header))}.{b64url(compact(rs.claims))}"
            signature = attacker.sign(signing_input.encode(), padding.PKCS1v15(), hashes.SHA256())
            refused(server, f"{signing_input}.{b64url(signature)}", "kid_unknown", "signature_invalid")
        genuine = server.forge(rs.access).token({"jwk": jwk, "jku": url, "x5u": url})
        assert server.refusal(genuine) in ("", "alg_not_allowed", MALFORMED)
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize(
    "kid",
    [
        "../../keys/refresh",
        "/dev/null",
        "/etc/passwd",
        "' OR '1'='1",
        "$(id)",
        "|id",
        "k" * 5000,
        "\x00",
        "http://127.0.0.1/",
        "",
        "\u202e",
        "%s%n",
        "..\\..\\x",
    ],
)
def test_a_hostile_kid_is_only_compared(server, rs, kid):
    """B18."""
    for key in (b"", b"\0" * 32, server.key_of(rs.access)):
        refused(
            server,
            sign(header_of(rs.access) | {"kid": kid}, rs.claims, key),
            "kid_unknown",
            MALFORMED,
            "token_too_large",
        )


@pytest.mark.parametrize("kid", [7, None, ["x"], {"k": 1}, True])
def test_a_kid_that_is_no_string_is_refused(server, rs, kid):
    """B19, B20: and so is none at all."""
    forge = server.forge(rs.access)
    refused(server, forge.token({"kid": kid}), "kid_unknown", MALFORMED)
    refused(server, forge.token(without=("kid",)), "kid_unknown", MALFORMED)


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"crit": ["exp"]},
        {"crit": ["x"], "x": 1},
        {"crit": []},
        {"crit": "x"},
        {"crit": ["alg"]},
        {"crit": ["x", "x"], "x": 1},
        {"crit": None},
        {"crit": [1]},
    ],
)
def test_critical_extensions_are_refused(server, rs, header):
    """A9, A10."""
    refused(server, server.forge(rs.access).token(header))


def test_unknown_header_members_and_claims_are_ignored(server, rs):
    """A11, E11."""
    assert server.refusal(server.forge(rs.access).token({"x-anything": {"y": [1]}}, novelty=[1, {"z": None}])) == ""


def test_the_two_kinds_of_token_never_pass_as_each_other(server, rs):
    """D9: neither as they are nor relabelled, with either key."""
    refused(server, rs.refresh, "typ_mismatch", "kid_unknown", "alg_not_allowed", "audience_mismatch")
    refresh_key = server.keys.refresh
    as_access = sign({"alg": "HS256", "typ": "at+jwt", "kid": refresh_key["kid"]}, rs.claims, refresh_key)
    refused(server, as_access, "kid_unknown", "typ_mismatch", "alg_not_allowed")
    as_refresh = sign(header_of(rs.access) | {"typ": "rt+jwt"}, claims_of(rs.refresh), server.key_of(rs.access))
    for token in (as_refresh, rs.access, as_access):
        assert server.refresh(token).json()["code"] == "refresh_invalid"


def test_truncated_extended_and_altered_signatures_are_refused(server, rs, hs):
    """B6, B11: of both algorithms."""
    for token, members in ((rs.access, {}), (hs.access, {"audience": "partner"})):
        head, tail = token.rsplit(".", 1)
        octets = unb64url(tail)
        variants = [
            b"",
            octets[:-1],
            octets[1:],
            octets + b"\0",
            b"\0" + octets,
            octets[:16],
            bytes(len(octets)),
            b"\xff" * len(octets),
            octets[::-1],
            bytes([octets[0] ^ 1]) + octets[1:],
            octets * 2,
        ]
        for variant in variants:
            refused(server, f"{head}.{b64url(variant)}", "signature_invalid", MALFORMED, **members)
        assert server.refusal(token, **members) == ""


def test_swapped_parts_of_two_good_tokens_are_refused(server, rs):
    """A12."""
    other = server.login(server.people[1]).access.split(".")
    mine = rs.access.split(".")
    refused(server, ".".join([mine[0], other[1], mine[2]]), "signature_invalid")
    refused(server, ".".join([mine[0], mine[1], other[2]]), "signature_invalid")


def alternate_spellings(token: str) -> list[str]:
    """Other texts that a lax decoder would read as the same octets."""
    head, payload, tail = token.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    found = [
        token + "=",
        token + "==",
        token.replace(".", "=.", 1),
        token + "\n",
        " " + token,
        token + " ",
        f"{head}.{payload}.{tail[:9]}\n{tail[9:]}",
        token + ".",
        "." + token,
        f"{head}..{payload}.{tail}",
        token.replace("-", "+").replace("_", "/") if "-" in token or "_" in token else token + "+",
    ]
    for index, part in enumerate((head, payload, tail)):
        spare = {2: 4, 3: 2}.get(len(part) % 4)
        if spare:
            for bits in range(1, 1 << spare) if spare == 2 else (1, 7, 15):
                last = alphabet[alphabet.index(part[-1]) ^ bits]
                parts = [head, payload, tail]
                parts[index] = part[:-1] + last
                found.append(".".join(parts))
    return found


def test_a_revoked_token_has_no_second_spelling(server):
    """A2, A3: non-canonical base64url cannot dodge the denylist."""
    for members in ({}, {"audience": "partner"}):
        session = server.login(**members)
        spellings = alternate_spellings(session.access)
        for spelling in spellings:
            assert server.refusal(spelling, **members) == MALFORMED, spelling
        assert server.revoke(session.access).status_code == 200
        assert server.refusal(session.access, **members) == "token_revoked"
        for spelling in spellings:
            assert server.refusal(spelling, **members) == MALFORMED, spelling


def test_other_serializations_and_part_counts_are_refused(server, rs):
    """A1, A16: two, four and five parts, JSON serializations, an encrypted token."""
    head, payload, tail = rs.access.split(".")
    flat = json.dumps({"protected": head, "payload": payload, "signature": tail})
    header = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2147483647, "p2s": "AAAA", "zip": "DEF"}
    encrypted = f"{b64url(compact(header))}.AAAA.AAAA.AAAA.AAAA"
    started = time.monotonic()
    for token in (
        "",
        ".",
        "..",
        "...",
        f"{head}.{payload}",
        rs.access + ".x",
        flat,
        encrypted,
        f".{payload}.{tail}",
        f"{head}..{tail}",
        base64.b64encode(rs.access.encode()).decode(),
        f"Bearer {rs.access}",
    ):
        if token:
            refused(server, token, MALFORMED, "token_too_large", "alg_not_allowed", "kid_unknown", "signature_invalid")
    assert time.monotonic() - started < 5


def test_a_megabyte_and_a_million_dots_cost_no_more_than_a_refusal(server):
    """A15, CVE-2025-30204, CVE-2025-61920: memory stays flat."""

    def resident() -> int:
        with open(f"/proc/{server.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096

    server.verify("x")
    before = resident()
    for token in ("a" * 1_000_000, "." * 1_000_000, "a." * 500_000):
        body = json.dumps({"token": token}).encode()
        answer = server.http.post("/verify", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        with server.wire() as wire:
            wire.send(f"GET /verify HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
            assert wire.answer().status == 431
    for token in ("a" * 60_000, "." * 60_000, "a." * 30_000):
        assert server.refusal(token) in ("token_too_large", MALFORMED)
    assert resident() - before < 16 << 20


def test_scope_and_age_that_the_caller_demands(server, rs):
    """J5: 403 names the scope that is missing; max_age looks at auth_time."""
    answer = server.verify(rs.access, scope="read sing")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_insufficient")
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert "sing" in answer.headers["www-authenticate"]
    assert server.verify(rs.access, scope="read").status_code == 200
    assert server.refusal(rs.access, audience="billing") == "audience_mismatch"
    old = server.forge(rs.access).token(auth_time=int(time.time()) - 500)
    assert server.refusal(old, max_age=1000) == ""
    assert server.refusal(old, max_age=100) == "auth_too_old"
    for odd in (-1, "x", 1.5, 10**30, None):
        assert server.verify(rs.access, max_age=odd).status_code in (200, 400)
