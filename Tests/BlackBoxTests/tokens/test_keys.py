"""The life of keys: the commands, and a running server that takes each step up by itself (C9, B14, M2, M6)."""

import json
import os
import subprocess
import time

import jwt
import pytest

from harness.process import BINARY, command, environment
from harness.tokens import header_of


def keys(server, *arguments):
    done = server.cli("keys", *arguments)
    assert done.returncode == 0, done.stderr
    return done


def listing(server) -> list[dict]:
    return json.loads(keys(server, "list", "--json").stdout)


def signing(server, alg="RS256", purpose="access") -> str:
    return next(
        k["kid"] for k in listing(server) if (k["alg"], k["purpose"], k["state"]) == (alg, purpose, "signing")
    )


def published(server) -> set[str]:
    return {key["kid"] for key in server.http.get("/.well-known/jwks.json").json()["keys"]}


@pytest.fixture
def fresh(make_server):
    return make_server().start()


def test_list_shows_every_key_and_nothing_secret(fresh):
    entries = listing(fresh)
    assert {(e["alg"], e["purpose"], e["state"]) for e in entries} == {
        ("RS256", "access", "signing"), ("HS256", "access", "signing"), ("HS256", "refresh", "signing"),
    }  # fmt: skip
    table = keys(fresh, "list").stdout.splitlines()
    assert table[0].split() == ["KID", "ALG", "PURPOSE", "STATE", "SIGNS", "FROM", "VERIFIES", "UNTIL"]
    assert len(table) == 4
    for jwk in fresh.keys.jwks:
        for secret in (jwk.get("k"), jwk.get("d"), jwk.get("p")):
            assert secret is None or secret not in "\n".join(table) + json.dumps(entries)


def test_a_rotation_is_published_first_and_signs_after_its_lead(fresh):
    before = fresh.login()
    old = signing(fresh)
    new = keys(fresh, "rotate", "--lead", "6s").stdout.strip()
    fresh.wait_for(lambda: published(fresh) == {old, new}, 10, "the published set")
    assert header_of(fresh.login().access)["kid"] == old
    fresh.wait_for(lambda: header_of(fresh.login().access)["kid"] == new, 15, "signing with the new key")
    assert fresh.refusal(before.access) == "" and published(fresh) == {old, new}
    states = {e["kid"]: e["state"] for e in listing(fresh)}
    assert (states[old], states[new]) == ("verifying", "signing")
    assert {e["state"] for e in fresh.events("key_state") if e["kid"] == new} >= {"published"}


def test_the_published_set_is_kept_no_longer_than_half_the_lead(make_server):
    server = make_server(key_lead="10s").start()
    answer = server.http.get("/.well-known/jwks.json")
    assert "max-age=5" in answer.headers["cache-control"].split(", ")
    again = server.http.get("/.well-known/jwks.json", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    keys(server, "rotate")
    server.wait_for(lambda: len(published(server)) == 2, 10)
    changed = server.http.get("/.well-known/jwks.json", headers={"If-None-Match": answer.headers["etag"]})
    assert changed.status_code == 200 and changed.headers["etag"] != answer.headers["etag"]


def test_a_new_refresh_secret_logs_nobody_out(fresh):
    session = fresh.login()
    old = signing(fresh, "HS256", "refresh")
    new = keys(fresh, "rotate", "--refresh", "--lead", "0s").stdout.strip()
    fresh.wait_for(lambda: header_of(fresh.login().refresh)["kid"] == new, 5, "the new secret")
    answer = fresh.refresh(session.refresh)
    assert answer.status_code == 200 and header_of(answer.json()["refresh_token"])["kid"] == new
    assert header_of(session.refresh)["kid"] == old
    assert not {old, new} & published(fresh)


def test_a_shared_secret_rotates_the_same_way(fresh):
    before = fresh.login(audience="partner")
    new = keys(fresh, "rotate", "--alg", "HS256", "--lead", "0s").stdout.strip()
    fresh.wait_for(lambda: header_of(fresh.login(audience="partner").access)["kid"] == new, 5)
    assert fresh.refusal(before.access, audience="partner") == ""


def test_a_promoted_key_signs_without_waiting(fresh):
    new = keys(fresh, "rotate", "--lead", "1h").stdout.strip()
    assert keys(fresh, "promote", new).returncode == 0
    fresh.wait_for(lambda: header_of(fresh.login().access)["kid"] == new, 5)


def test_a_retired_key_signs_no_more_and_its_tokens_live_on(fresh):
    before = fresh.login()
    old = signing(fresh)
    refused = fresh.cli("keys", "retire", old)
    assert refused.returncode == 1 and "no key other than" in refused.stderr
    new = keys(fresh, "rotate", "--lead", "0s").stdout.strip()
    fresh.wait_for(lambda: header_of(fresh.login().access)["kid"] == new, 5)
    keys(fresh, "retire", old)
    assert fresh.refusal(before.access) == ""


@pytest.mark.alone
def test_a_compromise_is_known_within_a_second(fresh):
    """At the best of three, since a neighbour on the machine may hold it up."""
    taken = []
    for _ in range(3):
        session = fresh.login()
        keys(fresh, "compromise", "--", header_of(session.access)["kid"])
        began = time.monotonic()
        fresh.wait_for(lambda: fresh.refusal(session.access), 10, "the refusal")
        taken.append(time.monotonic() - began)
        if taken[-1] < 1:
            return
    raise AssertionError(f"{taken}")


def test_a_compromised_key_is_refused_also_after_a_restart(fresh):
    session, other = fresh.login(), fresh.login(audience="partner")
    kid = header_of(session.access)["kid"]
    assert fresh.refusal(session.access) == ""
    done = keys(fresh, "compromise", kid)
    fresh.wait_for(lambda: fresh.refusal(session.access), 10, "the refusal")
    assert fresh.refusal(session.access) in ("kid_unknown", "key_revoked")
    assert kid not in published(fresh) and done.stdout.strip() in published(fresh)
    assert fresh.refusal(other.access, audience="partner") == ""
    again = fresh.refresh(session.refresh)
    assert again.status_code == 200, "the session did nothing wrong"
    assert fresh.refusal(again.json()["access_token"]) == ""
    fresh.wait_for(lambda: [e for e in fresh.events("key_cut") if e["kid"] == kid], 5, "the cut in the journal")
    fresh.restart()
    assert fresh.refusal(session.access) and fresh.refusal(again.json()["access_token"]) == ""
    # Even with the file as it was before: the cut is in the journal.
    path = next(p for p in fresh.keys_path.iterdir() if kid in p.name)
    jwk = json.loads(path.read_text())
    path.write_text(json.dumps({n: v for n, v in jwk.items() if n not in ("compromised_at", "verifies_until")}))
    fresh.wait_for(lambda: fresh.refusal(session.access) == "key_revoked", 10, "the cut")


def test_a_compromised_refresh_secret_ends_every_session_but_no_access_token(fresh):
    session = fresh.login()
    keys(fresh, "compromise", signing(fresh, "HS256", "refresh"))
    fresh.wait_for(lambda: fresh.refresh(session.refresh).status_code == 401, 10, "the refusal")
    assert fresh.refusal(session.access) == ""
    assert fresh.refresh(fresh.login().refresh).status_code == 200


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["import", "nothing.pem"], 1, "nothing.pem"),
        (["import"], 2, "FILE is missing"),
        (["export", "nobody"], 1, "no key nobody"),
        (["export", "nobody", "--format", "der"], 2, "--format"),
        (["export", "nobody", "--public", "--private"], 2, "combined"),
        (["promote", "nobody"], 1, "no key nobody"),
        (["compromise", "nobody"], 1, "no key nobody"),
        (["retire"], 2, "KID is missing"),
        (["rotate", "--alg", "none"], 2, "--alg"),
        (["rotate", "--alg", "RS256", "--refresh"], 2, "combined"),
        (["rotate", "--lead", "soon"], 2, "--lead"),
        (["rotate", "--lead", "8d"], 2, "--lead"),
        (["shred"], 2, "unknown command shred"),
    ],
)
def test_mistakes_are_told_and_change_nothing(fresh, arguments, code, words):
    before = listing(fresh)
    done = fresh.cli("keys", *arguments)
    assert done.returncode == code and words in done.stderr and listing(fresh) == before


def test_a_second_rotation_waits_for_the_first(fresh):
    new = keys(fresh, "rotate").stdout.strip()
    done = fresh.cli("keys", "rotate")
    assert done.returncode == 1 and new in done.stderr


def test_two_rotations_at_once_make_one_successor(fresh):
    settings = environment({"keys": fresh.keys_path, "operator_listen": fresh.settings["operator_listen"]})
    runs = [
        subprocess.Popen([BINARY, "keys", "rotate"], env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(8)
    ]
    codes = [run.wait(60) for run in runs]
    for run in runs:
        run.stdout.close()
        run.stderr.close()
    assert sorted(codes) == [0] + [1] * 7
    assert [e["state"] for e in listing(fresh)].count("published") == 1


def test_a_rotation_survives_kill_nine_at_any_moment(make_server):
    """Whatever was written, the directory is one that a server starts with, and something signs."""
    server = make_server().start()
    server.stop()
    for delay in (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12):
        run = subprocess.Popen(
            [BINARY, "keys", "rotate", "--lead", "0s"],
            env=environment({"keys": server.keys_path}), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(delay)
        run.kill()
        run.wait()
        assert [e["state"] for e in listing(server) if e["alg"] == "RS256"].count("signing") <= 1
    server.run_once()
    server.login()


def test_a_schedule_rotates_by_itself(make_server):
    server = make_server(key_rotation="10s", key_lead="5s", access_ttl="30s").start()
    first = signing(server)
    verifier = jwt.PyJWKClient(f"{server.url}/.well-known/jwks.json", lifespan=1)
    seen, deadline = set(), time.monotonic() + 45
    while len(seen) < 3 and time.monotonic() < deadline:
        token = server.login().access
        seen.add(header_of(token)["kid"])
        # The verifier fetches nothing for a kid it does not know: all that it meets were published before.
        known = {key.key_id for key in verifier.get_signing_keys()}
        assert header_of(token)["kid"] in known
        assert server.refusal(token) == ""
        time.sleep(0.2)
    assert len(seen) >= 3 and first in seen
    assert os.listdir(server.keys_path).count(".keys.lock") == 1


ALGORITHMS = ["RS384", "PS256", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS512"]


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_every_algorithm_signs_what_others_verify(make_server, alg):
    """PyJWT verifies with the published set."""
    server = make_server().start()
    keys(server, "rotate", "--alg", alg, "--lead", "0s")
    server.settings["alg"] = alg
    server.wait_for(lambda: "signing" in {e["state"] for e in listing(server) if e["alg"] == alg}, 5, "signing")
    server.restart()
    session = server.login()
    assert header_of(session.access)["alg"] == alg and server.refusal(session.access) == ""
    if alg.startswith("HS"):
        key = jwt.PyJWK(next(k for k in server.keys.jwks if k["alg"] == alg)).key
    else:
        key = jwt.PyJWKClient(f"{server.url}/.well-known/jwks.json").get_signing_key_from_jwt(session.access).key
    claims = jwt.decode(session.access, key, algorithms=[alg], audience="api")
    assert claims["sub"]
    again, replayed = server.refresh(session.refresh).json(), server.refresh(session.refresh).json()
    assert (again["access_token"] == replayed["access_token"]) == (alg[:2] in ("RS", "HS", "Ed"))
    assert server.refusal(replayed["access_token"]) == ""


def test_a_start_without_a_key_for_the_algorithm_says_what_to_do(make_server):
    server = make_server()
    server.start()
    server.stop()
    done = command("serve", cwd=server.directory, **server.settings, alg="ES256")
    assert done.returncode == 2 and "keys rotate --alg ES256 --lead 0s" in done.stderr


PAIRS = {
    "RS256": ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ES256": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "EdDSA": ["genpkey", "-algorithm", "ED25519"],
}


@pytest.mark.parametrize("alg", PAIRS)
def test_a_key_comes_in_and_goes_out_again(fresh, tmp_path, alg):
    pem = tmp_path / "key.pem"
    subprocess.run(["openssl", *PAIRS[alg], "-out", pem], check=True, capture_output=True)
    kid = keys(fresh, "import", str(pem), "--alg", alg, "--lead", "0s").stdout.strip()
    assert next(k for k in listing(fresh) if k["kid"] == kid)["alg"] == alg
    public = subprocess.run(["openssl", "pkey", "-in", pem, "-pubout"], check=True, capture_output=True, text=True)
    assert keys(fresh, "export", "--public", "--format", "pem", "--", kid).stdout == public.stdout
    private = keys(fresh, "export", "--private", "--format", "pem", "--", kid).stdout
    assert private == pem.read_text()
    jwks = json.loads(keys(fresh, "export", "--format", "jwks", "--", kid).stdout)
    assert [k["kid"] for k in jwks["keys"]] == [kid] and "d" not in jwks["keys"][0]
    fresh.wait_for(lambda: kid in published(fresh), 10, "the published set")
    twice = fresh.cli("keys", "import", str(pem), "--alg", alg)
    assert twice.returncode == 1 and "already" in twice.stderr


def test_a_secret_comes_in_as_it_is_and_goes_out_only_when_asked_plainly(fresh, tmp_path):
    raw = os.urandom(64)
    (tmp_path / "secret").write_bytes(raw)
    kid = keys(fresh, "import", str(tmp_path / "secret"), "--alg", "HS512", "--kid", "shared-1").stdout.strip()
    assert kid == "shared-1"
    refused = fresh.cli("keys", "export", kid)
    assert refused.returncode == 1 and "--private" in refused.stderr
    jwk = json.loads(keys(fresh, "export", kid, "--private").stdout)
    assert jwt.utils.base64url_decode(jwk["k"]) == raw
    (tmp_path / "weak").write_text("this is our secret, please do not tell anybody")
    weak = fresh.cli("keys", "import", str(tmp_path / "weak"), "--alg", "HS256")
    assert weak.returncode == 1 and "weak or publicly known" in weak.stderr and "our secret" not in weak.stderr


def test_a_public_key_verifies_and_never_signs(fresh, tmp_path):
    """A key whose private half is elsewhere: it is published, its tokens count, and nothing here signs with it."""
    before = signing(fresh)
    pem = tmp_path / "key.pem"
    subprocess.run(["openssl", *PAIRS["RS256"], "-out", pem], check=True, capture_output=True)
    public = subprocess.run(["openssl", "pkey", "-in", pem, "-pubout"], check=True, capture_output=True)
    (tmp_path / "public.pem").write_bytes(public.stdout)
    done = keys(fresh, "import", str(tmp_path / "public.pem"), "--alg", "RS256")
    kid = done.stdout.strip()
    assert "cannot sign" in done.stderr
    fresh.wait_for(lambda: kid in published(fresh), 10, "the published set")
    assert signing(fresh) == before and header_of(fresh.login().access)["kid"] == before
    assert fresh.cli("keys", "promote", "--", kid).returncode == 1
