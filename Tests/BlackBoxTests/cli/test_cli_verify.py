"""`martlet verify` with keys at hand: what it accepts, what it refuses and how it says so."""

import base64
import json
import os
import re
import subprocess
import time
import xml.etree.ElementTree as xml

import pytest
from cryptography.hazmat.primitives import serialization

from harness.foreign import Foreign, ForeignKey
from harness.offline import run
from harness.tokens import b64url, compact

NOW = int(time.time())


@pytest.fixture(scope="module")
def foreign() -> Foreign:
    return Foreign("https://issuer.example/ci", ("RS256", "ES256", "EdDSA", "PS256", "ES384", "RS512"))


@pytest.fixture(scope="module")
def place(tmp_path_factory, foreign):
    place = tmp_path_factory.mktemp("verify")
    (place / "jwks.json").write_bytes(foreign.jwks)
    return place


def verify(place, token: str, *options: str) -> subprocess.CompletedProcess:
    return run(place, "verify", token, "--jwks", "jwks.json", *options)


def verdict(place, token: str, *options: str) -> tuple[int, str]:
    """The exit code and the code."""
    done = verify(place, token, "--json", *options)
    said = json.loads(done.stdout)
    assert (said["verdict"] == "valid") == (done.returncode == 0)
    assert "claims" not in said or said["verdict"] in ("valid", "expiring")
    return done.returncode, said.get("code", "")


def forged(foreign: Foreign, header: dict | bytes | None = None, claims: dict | bytes | None = None) -> str:
    """A token well signed by the first key over any header and claims."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    header = {"alg": "RS256", "kid": "rs256-1", "typ": "JWT"} if header is None else header
    claims = foreign.claims() if claims is None else claims
    signed = f"{b64url(compact(header))}.{b64url(compact(claims))}"
    return f"{signed}.{b64url(foreign.keys[0].private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def test_every_algorithm_of_a_set(place, foreign):
    for index, key in enumerate(foreign.keys):
        done = verify(place, foreign.token(index), "--audience", "deploy", "--issuer", foreign.issuer)
        assert done.returncode == 0, (key.algorithm, done.stdout, done.stderr)
        assert done.stdout.startswith("valid: sub amy, iss https://issuer.example/ci, ") and done.stdout.count("\n") == 1
        assert key.algorithm in done.stdout and re.search(r"expires in (5m|4m 5\ds)", done.stdout)
        assert done.stderr == ""


def test_a_key_of_a_file(place, foreign):
    key = foreign.keys[0]
    pem = key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (place / "key.pem").write_bytes(pem)
    (place / "key.jwk").write_text(json.dumps(key.jwk()))
    for name in ("key.pem", "key.jwk"):
        assert run(place, "verify", foreign.token(), "--key", name, "--alg", "RS256").returncode == 0
        assert run(place, "verify", foreign.token(1), "--key", name, "--alg", "RS256").returncode == 1
    # The public key is no HMAC secret, in whatever spelling.
    for name in ("key.pem", "key.jwk"):
        assert run(place, "verify", foreign.token(), "--key", name, "--alg", "HS256").returncode == 2


def test_the_token_may_come_from_anywhere(place, foreign):
    token = foreign.token()
    keys = ("--jwks", "jwks.json")
    assert run(place, "verify", "-", *keys, stdin=token).returncode == 0
    assert run(place, "verify", "-", *keys, stdin=token + "\n").returncode == 0
    assert run(place, "verify", "-", *keys, stdin=token + "\r\n").returncode == 0
    assert run(place, "verify", "--token-env", "THE_TOKEN", *keys, THE_TOKEN=token).returncode == 0
    assert run(place, "verify", *keys, "--", token).returncode == 0
    assert run(place, "verify", "-", *keys, stdin="\ufeff" + token).returncode == 0
    # Anything else but a newline at the end is part of the token and spoils it.
    for spoilt in (token + " ", " " + token, token + "\n\n", token + "\0", "Bearer " + token, f'"{token}"'):
        assert run(place, "verify", "-", *keys, stdin=spoilt).returncode == 1
    assert run(place, "verify", "-", *keys, stdin="").returncode == 1
    assert run(place, "verify", "--token-env", "THE_TOKEN", *keys).returncode == 2
    assert run(place, "verify", "--token-env", "THE_TOKEN", *keys, THE_TOKEN="").returncode == 2


@pytest.mark.parametrize(
    ("changes", "options", "code"),
    [
        ({"exp": NOW - 1}, (), "token_expired"),
        ({"exp": NOW - 1}, ("--leeway", "30s"), ""),
        ({"exp": NOW - 40}, ("--leeway", "30"), "token_expired"),
        ({"exp": None}, (), "claim_missing"),
        ({"exp": "9999999999"}, (), "claim_invalid"),
        ({"exp": 9999999999.5}, (), ""),
        ({"exp": -1}, (), "token_expired"),
        ({"exp": 2**63}, (), ""),
        ({"exp": True}, (), "claim_invalid"),
        ({"exp": None, "Exp": 9999999999}, (), "claim_missing"),
        ({"nbf": NOW + 600}, (), "token_not_active"),
        ({"nbf": "0"}, (), "claim_invalid"),
        ({"nbf": None}, (), ""),
        ({"iat": NOW + 3600}, (), "issued_ahead"),
        ({"iat": NOW + 20}, (), ""),
        ({"iat": None}, (), ""),
        ({"iat": None}, ("--max-age", "1h"), "claim_missing"),
        ({"iat": NOW - 600}, ("--max-age", "5m"), "auth_too_old"),
        ({"iat": NOW - 600}, ("--max-age", "1h"), ""),
        ({"auth_time": NOW - 7200}, ("--max-age", "1h"), "auth_too_old"),
        ({}, ("--issuer", "https://issuer.example/ci/"), "issuer_mismatch"),
        ({"iss": None}, ("--issuer", "https://issuer.example/ci"), "claim_missing"),
        ({"iss": 7}, (), "claim_invalid"),
        ({}, ("--audience", "other"), "audience_mismatch"),
        ({}, ("--audience", "Deploy"), "audience_mismatch"),
        ({}, ("--audience", "other", "--audience", "deploy"), ""),
        ({"aud": ["a", "deploy"]}, ("--audience", "deploy"), ""),
        ({"aud": []}, ("--audience", "deploy"), "audience_mismatch"),
        ({"aud": None}, ("--audience", "deploy"), "claim_missing"),
        ({"aud": None}, (), ""),
        ({"aud": ["deploy", 7]}, ("--audience", "deploy"), "claim_invalid"),
        ({"aud": {"deploy": 1}}, (), "claim_invalid"),
        ({}, ("--subject", "bob"), "subject_mismatch"),
        ({"sub": None}, ("--subject", "amy"), "claim_missing"),
        ({"sub": "e\u0301"}, ("--subject", "\u00e9"), "subject_mismatch"),
        ({"scope": "read write"}, ("--scope", "write", "--scope", "read"), ""),
        ({"scope": "read write"}, ("--scope", "read admin"), "scope_insufficient"),
        ({"scope": "readwrite"}, ("--scope", "read"), "scope_insufficient"),
        ({"scope": ["read"]}, ("--scope", "read"), ""),
        ({"scp": "read"}, ("--scope", "read"), ""),
        ({"scope": "x", "scp": "read"}, ("--scope", "read"), "scope_insufficient"),
        ({}, ("--scope", "read"), "scope_insufficient"),
    ],
)
def test_claims(place, foreign, changes, options, code):
    # The table was read when the run began, which may be a quarter of an hour ago.
    late = int(time.time()) - NOW
    fresh = {n: value + late if type(value) is int and abs(value - NOW) < 10_000 else value for n, value in changes.items()}
    assert verdict(place, foreign.token(**fresh), *options) == (1 if code else 0, code)


@pytest.mark.parametrize(
    ("typ", "options", "code"),
    [
        ("JWT", (), ""), ("at+jwt", (), ""), (None, (), ""), ("application/AT+JWT", (), ""), ("rt+jwt", (), "typ_mismatch"),
        ("logout+jwt", (), "typ_mismatch"), ("JOSE", (), "typ_mismatch"), ("at+jwt", ("--typ", "at+jwt"), ""),
        ("JWT", ("--typ", "at+jwt"), "typ_mismatch"), (None, ("--typ", "at+jwt"), "typ_mismatch"),
        ("secevent+jwt", ("--typ", "application/secevent+jwt"), ""), (7, (), "token_malformed"),
    ],
)  # fmt: skip
def test_typ(place, foreign, typ, options, code):
    header = {"alg": "RS256", "kid": "rs256-1"} | ({} if typ is None else {"typ": typ})
    assert verdict(place, forged(foreign, header), *options) == (1 if code else 0, code)


def test_tokens_that_no_key_could_mend(place, foreign):
    good = foreign.token()
    head, body, signature = good.split(".")
    rs = {"alg": "RS256", "kid": "rs256-1"}
    attacker = ForeignKey("RS256", "rs256-1")
    cases = {
        good + "AAAA": "signature_invalid", good[:-2]: "signature_invalid", good + "x": "token_malformed", f"{head}.{body}.": "signature_invalid",
        f"{head}.{body}": "token_malformed", good + ".": "token_malformed", "." * 5_000: "token_malformed",
        f"{head}.{body}.{signature}=": "token_malformed", "a" * 65_537: "token_too_large",
        f"{b64url(compact({'alg': 'none'}))}.{body}.": "alg_not_allowed",
        f"{b64url(compact({'alg': 'None', 'kid': 'rs256-1'}))}.{body}.": "alg_not_allowed",
        forged(foreign, rs | {"alg": "HS256"}): "alg_not_allowed", forged(foreign, rs | {"alg": "PS256"}): "alg_not_allowed",
        forged(foreign, rs | {"kid": "nobody"}): "kid_unknown", forged(foreign, rs | {"kid": 7}): "token_malformed",
        forged(foreign, rs | {"kid": "x" * 4_000}): "kid_unknown", forged(foreign, rs | {"kid": "../../keys"}): "kid_unknown",
        forged(foreign, rs | {"crit": ["exp"]}): "token_malformed", forged(foreign, rs | {"b64": False}): "token_malformed",
        forged(foreign, b'{"alg":"RS256","kid":"rs256-1","alg":"RS256"}'): "token_malformed",
        forged(foreign, claims=b'{"exp":9999999999,"exp":9999999999}'): "token_malformed",
        forged(foreign, claims=b'{"exp":9999999999,"\\u0065xp":1}'): "token_malformed",
        forged(foreign, claims=b"[]"): "token_malformed", forged(foreign, claims=b"\xef\xbb\xbf{}"): "token_malformed",
        forged(foreign, claims=b'{"exp":1e1000001}'): "claim_invalid", forged(foreign, claims=b"[" * 3_000): "token_malformed",
        attacker.sign(foreign.claims()): "signature_invalid",
        attacker.sign(foreign.claims(), jwk=attacker.jwk()): "signature_invalid",
        attacker.sign(foreign.claims(), jku="http://127.0.0.1:9/", x5u="http://127.0.0.1:9/"): "signature_invalid",
    }  # fmt: skip
    for token, code in cases.items():
        assert verdict(place, token) == (1, code), token[:60]
    assert run(place, "verify", "-", "--jwks", "jwks.json", stdin="a" * 3_000_000).returncode == 1


def test_a_token_without_kid_is_checked_with_every_key_that_fits(place, foreign):
    assert verdict(place, forged(foreign, {"alg": "RS256"})) == (0, "")
    assert verdict(place, ForeignKey("RS256", None).sign(foreign.claims())) == (1, "signature_invalid")


def test_github_and_gitlab(place, foreign):
    github = (
        "--audience", "https://github.com/octo-org", "--subject", "repo:octo-org/octo-repo:environment:prod",
        "--claim", "ref=refs/heads/main", "--claim", "ref_protected=true", "--claim", "run_attempt=2",
        "--claim", "job_workflow_ref=octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
    )  # fmt: skip
    assert verdict(place, foreign.github(), *github) == (0, "")
    assert verdict(place, foreign.github(), *github, "--claim", "environment=dev") == (1, "claim_mismatch")
    gitlab = (
        "--audience", "deploy", "--claim", "project_path=mygroup/myproject", "--claim", "environment_protected=true",
        "--claim", "groups_direct=mygroup/b", "--claim", "runner_id=1", "--claim", "/user_identities/0/provider=github",
        "--claim-json", 'job_project={"deep":[1.0,{"x":null}],"id":2e1}', "--claim-json", "environment_protected=true",
    )  # fmt: skip
    assert verdict(place, foreign.gitlab(), *gitlab) == (0, "")
    assert verdict(place, foreign.gitlab(), *gitlab, "--claim-json", 'runner_id="1"') == (1, "claim_mismatch")
    assert verdict(place, foreign.gitlab(), *gitlab, "--claim-json", "ref_protected=false") == (1, "claim_mismatch")
    assert verdict(place, foreign.gitlab(), *gitlab, "--claim", "job_project=20") == (1, "claim_mismatch")


def test_a_token_that_soon_expires_is_4(place, foreign):
    token = foreign.token(exp=int(time.time()) + 100)
    assert verdict(place, token, "--min-ttl", "1m") == (0, "")
    assert verdict(place, token, "--min-ttl", "5m") == (4, "token_expiring")
    assert verify(place, token, "--min-ttl", "5m").stdout.startswith("expiring: sub amy, ")


def test_json_holds_the_claims_of_a_good_token_on_one_line(place, foreign):
    claims = b'{\n "exp" : 9999999999,\n "sub": "a\xc2\x9b\xe2\x80\xae\\u001b[2J\\n", "n": [1, {"x": null}]}'
    done = verify(place, forged(foreign, claims=claims), "--json")
    assert done.returncode == 0 and done.stdout.count("\n") == 1 and done.stdout.isascii()
    said = json.loads(done.stdout)
    assert said["claims"] == json.loads(claims) and said["alg"] == "RS256" and said["kid"] == "rs256-1"
    assert said["expires_in"] > 10**9
    line = verify(place, forged(foreign, claims=claims)).stdout
    assert line.count("\n") == 1 and "\\u{1b}[2J" in line and "\x1b" not in line and "\u202e" not in line


def test_annotations_cannot_be_broken_out_of(place, foreign):
    hostile = "100%\n::error::pwned\r\n::add-mask::x,y:z"
    done = verify(place, foreign.token(sub=hostile), "--format", "github")
    assert done.returncode == 0 and done.stdout.startswith("::notice title=martlet verify::valid: sub 100%25")
    assert done.stdout.count("\n") == 1 and "\r" not in done.stdout
    done = verify(place, foreign.token(), "--format", "github", "--claim", "a\n::error::x=1")
    assert done.returncode == 1 and done.stdout.count("\n") == 1
    assert done.stdout.startswith("::error title=martlet verify::rejected: claim_mismatch: ")
    done = verify(place, foreign.token(), "--format", "github", "--min-ttl", "1h")
    assert done.stdout.startswith("::warning ")


def test_junit_of_many_tokens(place, foreign):
    tokens = [foreign.token(), foreign.token(exp=1), foreign.token(exp=int(time.time()) + 30), "junk", foreign.token(1)]
    done = run(
        place, "verify", "--jwks", "jwks.json", "--junit", "report.xml", "--min-ttl", "1m",
        "--claim", "sub=amy", stdin="\n".join(tokens) + "\r\n\n",
    )  # fmt: skip
    assert done.returncode == 1 and done.stderr == ""
    words = [line.split(":")[1].strip() for line in done.stdout.splitlines()]
    assert words == ["valid", "rejected", "expiring", "rejected", "valid"]
    report = (place / "report.xml").read_text()
    suite = xml.fromstring(report).find("testsuite")
    assert suite.get("tests") == "5" and suite.get("failures") == "3" and suite.get("errors") == "0"
    kinds = [[child.get("type") for child in case] for case in suite.findall("testcase")]
    assert kinds == [[], ["token_expired"], ["token_expiring"], ["token_malformed"], []]
    assert not any(part in report for token in tokens[:3] for part in token.split(".")[1:])
    # Of many the worst counts, and what cannot be had is no refusal.
    two = "\n".join(tokens[:1] + tokens[2:3])
    assert run(place, "verify", "--jwks", "jwks.json", "--junit", "r.xml", "--min-ttl", "1m", stdin=two).returncode == 4
    assert run(place, "verify", "--jwks", "http://127.0.0.1:9/", "--junit", "r.xml", stdin=two).returncode == 3
    assert xml.parse(place / "r.xml").getroot().get("errors") == "2"
    assert run(place, "verify", "--jwks", "jwks.json", "--junit", "r.xml", stdin="").returncode == 2


def test_a_report_is_xml_whatever_a_token_says(place, foreign):
    hostile = "]]>&<a b='c'>\"\ud7ff\x00\x1b\ufffe"
    token = foreign.token(sub=hostile, exp=int(time.time()) + 30)
    done = run(place, "verify", "--jwks", "jwks.json", "--junit", "x.xml", "--min-ttl", "1h", stdin=token)
    assert done.returncode == 4
    assert "]]>&<a b='c'>" in xml.parse(place / "x.xml").getroot().find(".//failure").text


@pytest.mark.parametrize(
    "words",
    [
        (), ("{token}",), ("{token}", "{token}", "--jwks", "jwks.json"), ("{token}", "--jwks"), ("--jwks", "jwks.json"),
        ("{token}", "--jwks", "missing.json"), ("{token}", "--jwks", "."), ("{token}", "--jwks", "junk.json"),
        ("{token}", "--jwks", "http://issuer.example/jwks"), ("{token}", "--jwks", "ftp://issuer.example/jwks"),
        ("{token}", "--issuer", "http://issuer.example"), ("{token}", "--issuer", "https://issuer.example/?x"),
        ("{token}", "--server", "http://192.0.2.1"), ("{token}", "--server", "nowhere"),
        ("{token}", "--key", "jwks.json"), ("{token}", "--key", "jwks.json", "--alg", "none"),
        ("{token}", "--jwks", "jwks.json", "--server", "http://localhost:1"),
        ("{token}", "--server", "http://localhost:1", "--alg", "RS256"),
        ("{token}", "--jwks", "jwks.json", "--leeway", "61s"), ("{token}", "--jwks", "jwks.json", "--leeway", "-1"),
        ("{token}", "--jwks", "jwks.json", "--min-ttl", "soon"), ("{token}", "--jwks", "jwks.json", "--max-age", "1y"),
        ("{token}", "--jwks", "jwks.json", "--claim", "sub"), ("{token}", "--jwks", "jwks.json", "--claim", "=x"),
        ("{token}", "--jwks", "jwks.json", "--claim", "/a~2=x"), ("{token}", "--jwks", "jwks.json", "--claim-json", "a=b"),
        ("{token}", "--jwks", "jwks.json", "--format", "xml"), ("{token}", "--jwks", "jwks.json", "--json", "--json"),
        ("{token}", "--jwks", "jwks.json", "--json", "--format", "github"), ("{token}", "--jwks", "jwks.json", "--scope", " "),
        ("{token}", "--jwks", "jwks.json", "--junit", "r.xml"), ("-", "--token-env", "X", "--jwks", "jwks.json"),
        ("{token}", "--jwks", "jwks.json", "--audiance", "x"), ("{token}", "--jwks", "jwks.json", "--timeout", "0"),
        ("-", "--jwks", "jwks.json", "--junit", "nowhere/r.xml"),
    ],
)  # fmt: skip
def test_usage_is_2_and_says_why(place, foreign, words):
    (place / "junk.json").write_text("{]")
    done = run(place, "verify", *(word.format(token=foreign.token()) for word in words))
    assert done.returncode == 2 and done.stderr.startswith("martlet verify: ") and "valid" not in done.stdout


def test_help_names_every_option_and_exit_code(place):
    text = run(place, "verify", "--help").stdout
    for option in ("--token-env", "--jwks", "--issuer", "--key", "--server", "--audience", "--subject", "--scope", "--claim",
                   "--claim-json", "--max-age", "--min-ttl", "--leeway", "--typ", "--json", "--format", "--junit",
                   "--no-cache", "--max-stale", "--timeout", "--alg"):  # fmt: skip
        assert option in text
    assert all(f"{code} " in text for code in (0, 1, 2, 3, 4))
    for command in (("jws", "verify"), ("decode",), ("mint",), ("jws",)):
        assert "usage: martlet " + command[0] in run(place, *command, "--help").stdout


def test_decode_shows_and_does_not_verify(place, foreign):
    token = foreign.token(sub="a\x1b[2J\u202e", exp=1_900_000_000)
    spoilt = token[:-10] + "AAAAAAAAAA"
    for arguments, options in (((token,), {}), (("-",), {"stdin": token}), (("--token-env", "T"), {"T": token}), ((spoilt,), {})):
        done = run(place, "decode", *arguments, **options)
        assert done.returncode == 0 and done.stdout.startswith("UNVERIFIED")
        assert '"alg": "RS256"' in done.stdout and '"aud": "deploy"' in done.stdout
        assert "2030-03-17T17:46:40Z  in " in done.stdout and "\x1b" not in done.stdout and "\u202e" not in done.stdout
    said = json.loads(run(place, "decode", token, "--json").stdout)
    assert said["unverified"] is True and said["claims"]["sub"] == "a\x1b[2J\u202e" and said["signature_octets"] == 256
    assert said["times"]["exp"] == "2030-03-17T17:46:40Z" and said["header"]["kid"] == "rs256-1"
    for junk in ("x", "a.b.c", "..", forged(foreign, claims=b"foo"), "e30.e30.=", "e30.e30.e30.e30"):
        done = run(place, "decode", junk)
        assert done.returncode == 1 and done.stdout == "" and done.stderr.startswith("martlet decode: ")
    assert run(place, "decode").returncode == 2


def test_a_cert_or_private_key_serves_as_well(place, foreign):
    private = foreign.keys[1].private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (place / "private.pem").write_bytes(private)
    assert run(place, "verify", foreign.token(1), "--key", "private.pem", "--alg", "ES256").returncode == 0
    secret = base64.urlsafe_b64encode(os.urandom(48)).decode()
    import jwt

    (place / "secret").write_text(secret)
    token = jwt.encode(foreign.claims(), secret, "HS256")
    assert run(place, "verify", token, "--key", "secret", "--alg", "HS256").returncode == 0
    assert run(place, "verify", token[:-4] + "AAAA", "--key", "secret", "--alg", "HS256").returncode == 1
