"""Tokens with a genuine signature over something that must not be believed."""

import time

import pytest

from harness.refusing import REFUSED, refused
from harness.server import Session
from harness.tokens import compact, header_of, sign

MALFORMED = "token_malformed"


@pytest.fixture(scope="module")
def rs(server) -> Session:
    return server.login()


def header_bytes(rs, extra: bytes) -> bytes:
    return compact(header_of(rs.access))[:-1] + extra + b"}"


def test_ambiguous_json_in_header_or_claims_is_refused(server, rs):
    """A4, A5, A6: duplicates also when spelled with an escape, BOM, trailing text, broken UTF-8, other types."""
    key = server.key_of(rs.access)
    header, claims = compact(header_of(rs.access)), compact(rs.claims)
    for bad in (
        header_bytes(rs, b',"alg":"RS256"'),
        header_bytes(rs, b',"\\u0061lg":"none"'),
        header_bytes(rs, b',"kid":"x"'),
        b"\xef\xbb\xbf" + header,
        header + b"x",
        header + header,
        header[:-1] + b",}",
        b"[" + header + b"]",
        b'"x"',
        b"",
        b"null",
        header.decode().encode("utf-16"),
        header_bytes(rs, b',"x":"\xff"'),
        header_bytes(rs, b',"x":' + b"[" * 2000 + b"]" * 2000),
    ):
        refused(server, sign(bad, rs.claims, key), MALFORMED, "alg_not_allowed", "token_too_large")
    for bad in (
        claims[:-1] + b',"exp":9999999999}',
        claims[:-1] + b',"s\\u0075b":"x"}',
        b"\xef\xbb\xbf" + claims,
        claims + b" x",
        claims[:-1] + b",}",
        b"[]",
        b"null",
        b"",
        claims[:-1] + b',"x":"\xff"}',
        claims[:-1] + b',"x":' + b"[" * 500 + b"]" * 500 + b"}",
    ):
        refused(server, sign(header, bad, key), MALFORMED, "claim_invalid", "token_too_large")


EXP = [
    b'"9999999999"',
    b"true",
    b"null",
    b"[]",
    b"{}",
    b"1e999",
    b"-1",
    b"0",
    b"9223372036854775808",
    b"1e400",
    b"18446744073709551616",
    b"NaN",
    b"Infinity",
    b"0x7fffffff",
    b"-9223372036854775809",
    b"99999999999.5e",
    b"01",
    b"1" * 400,
    b"-0",
    b"1e-400",
]


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("value", EXP)
def test_times_in_odd_forms_are_refused_without_a_crash(server, rs, claim, value):
    """E3."""
    claims = (
        compact({k: v for k, v in rs.claims.items() if k != claim})[:-1] + b',"' + claim.encode() + b'":' + value + b"}"
    )
    token = sign(header_of(rs.access), claims, server.key_of(rs.access))
    found = server.refusal(token)
    is_harmless = claim != "exp" and value in (b"0", b"-1", b"-0", b"1e-400")
    assert found in REFUSED | {"token_not_active"} or (is_harmless and found == ""), (found, value)


NOW = int(time.time())
CLAIMS = {
    "expired": ({"exp": NOW - 5, "iat": NOW - 600}, "token_expired"),
    "expiring in this second": ({"exp": NOW - 1, "iat": NOW - 600}, "token_expired"),
    "not yet active": ({"nbf": NOW + 3600}, "token_not_active"),
    "another issuer": ({"iss": "http://127.0.0.1:1"}, "issuer_mismatch"),
    "issuer in capitals": ({"iss": "HTTP://127.0.0.1"}, "issuer_mismatch"),
    "issuer as list": ({"iss": ["http://127.0.0.1"]}, ("issuer_mismatch", "claim_invalid")),
    "another audience": ({"aud": "elsewhere"}, "audience_mismatch"),
    "audience in capitals": ({"aud": "API"}, "audience_mismatch"),
    "no audience in a list": ({"aud": []}, ("audience_mismatch", "claim_invalid")),
    "audience as number": ({"aud": 7}, ("audience_mismatch", "claim_invalid")),
    "audience as object": ({"aud": {"api": 1}}, ("audience_mismatch", "claim_invalid")),
    "empty audience": ({"aud": ""}, "audience_mismatch"),
    "a subject that is no string": ({"sub": 7}, "claim_invalid"),
    "a jti that is no string": ({"jti": 7}, "claim_invalid"),
    "a jti that is no identifier": ({"jti": "x" * 3000}, "claim_invalid"),
    "an unknown subject": ({"sub": "11111111-1111-4111-8111-111111111111"}, ("subject_revoked", "claim_invalid")),
}


@pytest.mark.parametrize("case", CLAIMS.values(), ids=CLAIMS)
def test_claims_that_do_not_hold_are_refused_by_name(server, rs, case):
    """E1, E2, E5, E6, E8, E10."""
    claims, expected = case
    expected = (expected,) if isinstance(expected, str) else expected
    answer = server.verify(server.forge(rs.access).token(**claims))
    assert answer.status_code == 401
    assert answer.json()["code"] in expected
    assert "claims" not in answer.json()


@pytest.mark.parametrize("claim", ["exp", "iss", "aud", "sub", "jti", "iat"])
def test_a_missing_claim_is_refused(server, rs, claim):
    """D1, E4, E6."""
    expected = {"iss": ("claim_missing", "issuer_mismatch"), "aud": ("claim_missing", "audience_mismatch")}
    refused(server, server.forge(rs.access).token(without=(claim,)), *expected.get(claim, ("claim_missing",)))


@pytest.mark.parametrize("kind", ["JWT", "rt+jwt", "at+jwt ", "", "application/rt+jwt", None, 7, "id+jwt"])
def test_another_typ_is_refused(server, rs, kind):
    """E7, D9."""
    forge = server.forge(rs.access)
    refused(server, forge.token({"typ": kind}), "typ_mismatch", MALFORMED)
    refused(server, forge.token(without=("typ",)), "typ_mismatch")


@pytest.mark.parametrize("kind", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"])
def test_typ_compares_without_case_and_with_its_prefix(server, rs, kind):
    """E7."""
    assert server.refusal(server.forge(rs.access).token({"typ": kind})) == ""
