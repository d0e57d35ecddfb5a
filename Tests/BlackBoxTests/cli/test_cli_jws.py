"""Every compact JWS of other people's suites, through `martlet jws verify`."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.process import BINARY

# Where our answer differs from the label, and what it is instead. The private half of this key has the one operation
# "sign, verify", which is none (RFC 7517 4.3 would have two).
EXCEPTIONS = {("json_web_signature", "private", 349): False}


def ask(place: Path, number: int, key, algorithm: str | None, token: str) -> int:
    """The exit code for one token and one key, each in a file."""
    (place / f"{number}.key").write_text(json.dumps(key))
    (place / f"{number}.jws").write_text(token)
    words = ["jws", "verify", "--key", f"{number}.key", "--token-file", f"{number}.jws"]
    done = subprocess.run(
        [BINARY, *words, *(["--alg", algorithm] if algorithm else [])], cwd=place, capture_output=True, timeout=60
    )
    assert done.returncode in (0, 1), (token, done.stdout, done.stderr)
    return done.returncode


def differing(place: Path, cases: list[tuple]) -> dict:
    """Of (name, key, algorithm, token, whether it is valid or None) those whose answer is not the stated one."""
    place.mkdir(exist_ok=True)

    def one(numbered):
        number, (name, key, algorithm, token, is_valid) = numbered
        status = ask(place, number, key, algorithm, token)
        return None if is_valid is None or (status == 0) == is_valid else (name, "holds" if status == 0 else "refused")

    with ThreadPoolExecutor(4) as pool:
        return dict(found for found in pool.map(one, enumerate(cases)) if found)


def algorithm_of(jwks: list[dict]) -> str | None:
    """The one algorithm that a group's key, or all keys of its set, name."""
    names = {jwk.get("alg") for jwk in jwks}
    return names.pop() if len(names) == 1 else None


@pytest.mark.parametrize("half", ["public", "private"])
@pytest.mark.parametrize("suite", ["json_web_signature", "json_web_key", "json_web_crypto"])
def test_wycheproof(vectors, tmp_path, is_full, suite, half):
    """With the public keys, and the secrets where there are none; the long form also with private ones."""
    if half == "private" and not is_full:
        pytest.skip("the long form")
    disputed = {
        case["tcId"]: {"accept": True, "reject": False}.get(case["rule"])
        for case in json.loads((vectors / "wycheproof/DISPUTED.json").read_text())["cases"]
        if case["file"] == f"{suite}_test.json"
    }
    cases = []
    for group in json.loads((vectors / f"wycheproof/{suite}_test.json").read_text())["testGroups"]:
        key = group.get(half, group["private"])
        for test in group["tests"]:
            if not isinstance(test.get("jws"), str):
                continue
            is_valid = {"valid": True, "invalid": False}.get(test["result"])
            is_valid = disputed.get(test["tcId"], is_valid)
            is_valid = EXCEPTIONS.get((suite, half, test["tcId"]), is_valid)
            name = f"{test['tcId']} {test['comment']}"
            cases.append((name, key, algorithm_of(key.get("keys", [key])), test["jws"], is_valid))
    assert len(cases) >= 15
    assert differing(tmp_path, cases) == {}


def test_rfc_7515(vectors, tmp_path):
    folder = vectors / "rfc7515-latchset"
    cases = []
    for path in sorted(folder.glob("*.jwsc")):
        key = path.with_suffix(".jwk")
        token = path.read_text().strip()
        is_unsecured = path.name == "rfc7515_A.5.jwsc"
        jwk = json.loads((folder / "rfc7515_A.1.jwk" if is_unsecured else key).read_text())
        cases.append((path.name, jwk, None if "alg" in jwk else {"A.1": "HS256", "A.2": "RS256", "A.3": "ES256"}.get(
            path.name[8:11], "HS256"), token, not is_unsecured))  # fmt: skip
        spoilt = token[:-2] + ("AA" if token[-2:] != "AA" else "BA")
        cases.append((path.name + " spoilt", jwk, None if "alg" in jwk else cases[-1][2], spoilt, False))
    assert len(cases) >= 8
    assert differing(tmp_path, cases) == {}


def test_cookbook(vectors, tmp_path):
    """RFC 7520 and RFC 8037 hold; encrypted tokens and unencoded payloads (RFC 7797) are refused."""
    folder = vectors / "rfc7520-cookbook"
    cases = []
    for path in sorted(folder.rglob("*.json")):
        example = json.loads(path.read_text())
        given = example.get("input", {}) if isinstance(example, dict) else {}
        compact, key = example.get("output", {}).get("compact"), given.get("key")
        if not compact or not isinstance(key, dict):
            continue
        # Detached content is not compact serialization: what is signed is missing (RFC 7515, appendix F).
        is_signed = "jwe" not in path.parts and "rfc7797" not in path.parts and "detached" not in path.name
        algorithm = given.get("alg") if is_signed else None
        cases.append((str(path.relative_to(folder)), key, algorithm, compact, is_signed))
    assert sum(case[4] for case in cases) >= 3 and not all(case[4] for case in cases), cases
    assert differing(tmp_path, cases) == {}


def test_examples_printed_in_rfcs(vectors, tmp_path):
    cases = []
    for example in json.loads((vectors / "rfc-examples/cases.json").read_text()):
        if example["kind"] == "jws_compact":
            is_valid = {"accept": True, "reject": False}[example["expect"]]
            cases.append((example["id"], example.get("jwk", {}), None, example["token"], is_valid))
    assert len(cases) >= 4 and differing(tmp_path, cases) == {}


def test_usage_is_2(tmp_path):
    (tmp_path / "key").write_text("{}")

    def status(*words: str) -> int:
        return subprocess.run([BINARY, "jws", *words], cwd=tmp_path, capture_output=True, timeout=60).returncode

    assert status() == status("sign") == status("verify") == status("verify", "a.b.c") == 2
    assert status("verify", "--key", "none", "a.b.c") == 2
    assert status("verify", "--key", "key") == status("verify", "--key", "key", "a.b.c", "d") == 2
    assert status("verify", "--key", "key", "a.b.c") == status("verify", "--key", "key", "--alg", "none", "a.b.c") == 1
    assert status("verify", "--help") == 0
