"""Other people's lists of hostile input, against the running service."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.wire import Wire, request

JSON_TYPE = {"Content-Type": "application/json"}
ENGINE_LIMIT = 65_536


def cases(vectors, suite: str, keep) -> list[dict]:
    return [case for case in json.loads((vectors / suite / "cases.json").read_text()) if keep(case)]


def is_refused_or_waited_for(address, octets: bytes) -> str:
    """An empty string when the message earned a refusal, or no answer at all; else what went wrong.

    A message that is merely cut short has no answer yet, so the sending side is closed to end it.
    """
    with Wire(address, timeout=3) as wire:
        wire.send(octets)
        try:
            wire.socket.shutdown(1)
        except OSError:
            pass
        wire.asked = [("", "")] * 8
        answers = wire.answers()
    statuses = [answer.status for answer in answers]
    if any(status >= 500 and status not in (501, 505) for status in statuses):
        return f"5xx: {statuses}"
    if statuses and statuses[-1] < 400:
        return f"accepted: {statuses}"
    return ""


def test_every_message_that_gunicorn_refuses_is_refused(server, vectors):
    """L1 to L4: smuggling and malformed messages."""
    found = {}
    for case in cases(vectors, "http1-gunicorn", lambda c: c["verdict"] == "reject" and not c["only_under_settings"]):
        if wrong := is_refused_or_waited_for(server.address, base64.b64decode(case["raw_b64"])):
            found[case["id"]] = wrong
    assert found == {}


def test_every_message_that_strict_llhttp_refuses_is_refused(server, vectors):
    """L1 to L4. "Pause" errors are upgrades, not faults."""

    def keep(case):
        return case["verdict"] == "reject" and case["parser_mode"] == "request" and "ause" not in str(case["error"])

    found = {}
    for case in cases(vectors, "http1-llhttp", keep):
        if wrong := is_refused_or_waited_for(server.address, base64.b64decode(case["raw_b64"])):
            found[case["id"]] = wrong
    assert found == {}


def documents(vectors):
    for folder in ("test_parsing", "test_transform"):
        yield from sorted((vectors / "jsontestsuite" / folder).glob("*.json"))


@pytest.mark.parametrize("path", ["/login", "/verify", "/refresh", "/logout"])
def test_every_document_of_jsontestsuite_as_a_body(server, vectors, path):
    """L12: `n_` is 400, or 413 when it is over the limit; nothing ever is 5xx."""
    found = {}
    for document in documents(vectors):
        octets = document.read_bytes()
        answer = server.http.post(path, content=octets, headers=JSON_TYPE)
        status = answer.status_code
        if status >= 500:
            found[document.name] = status
        elif document.name.startswith("n_"):
            is_empty_verify = path == "/verify" and not octets
            expected = {413} if len(octets) > ENGINE_LIMIT else {401} if is_empty_verify else {400}
            if status not in expected:
                found[document.name] = status
        elif document.name.startswith("y_") and status not in (400, 401):
            found[document.name] = status
    assert found == {}


def test_a_member_whose_value_is_refused_json_is_refused_and_accepted_json_is_not(server, vectors):
    """L12: the same documents as the value of a member that /login does not know: it is named only if the JSON is right."""
    found = {}
    good = b'{"username":"amy","password":"wrong on purpose","ignored":%s}'
    for document in documents(vectors):
        octets = document.read_bytes()
        kind = document.name[:2]
        if kind == "i_" or len(octets) > ENGINE_LIMIT - 200 or b"\r" in octets:
            continue
        body = good.replace(b"%s", octets)
        if kind == "n_" and is_json(body):
            continue
        answer = server.http.post("/login", content=body, headers=JSON_TYPE)
        is_read = "ignored" in answer.json().get("detail", "")
        is_wrong = kind == "n_" and is_read or kind == "y_" and not is_read and not has_duplicates(octets)
        if answer.status_code != 400 or is_wrong:
            found[document.name] = answer.text
    assert found == {}


def refuse(constant):
    raise ValueError(constant)


def is_json(octets: bytes) -> bool:
    """Whether a refused document became valid by being put inside another."""
    try:
        json.loads(octets, parse_constant=refuse)
        return True
    except (ValueError, RecursionError):
        return False


def has_duplicates(octets: bytes) -> bool:
    """Whether some object has two members of one name; such a document has no one meaning (RFC 7493 2.3)."""
    found = []

    def pairs(members):
        found.append(len({name for name, _ in members}) != len(members))
        return dict(members)

    json.loads(octets, object_pairs_hook=pairs)
    return any(found)


@pytest.fixture(scope="module")
def naughty(vectors) -> list[str]:
    return json.loads((vectors / "blns" / "blns.json").read_text())


def at_once(ask, questions: list) -> list[tuple]:
    """Each question with its answer; a few at a time, since password hashes keep a single caller waiting."""
    with ThreadPoolExecutor(4) as pool:
        return list(zip(questions, pool.map(ask, questions)))


def test_naughty_strings_as_usernames_scopes_and_audiences(server, naughty):
    """L13, M3: a 4xx each; the log stays one JSON object a line."""
    mark = len(server.run.chunks)
    password = server.people[0].password

    def log_in(members: dict) -> int:
        return server.http.post("/login", content=json.dumps(members).encode(), headers=JSON_TYPE).status_code

    told = at_once(
        log_in,
        [{"username": text, "password": "naughty but long 1"} for text in naughty]
        + [{"username": "amy", "password": password, "scope": text or "?"} for text in naughty]
        + [{"username": "amy", "password": password, "audience": text or "?"} for text in naughty],
    )
    assert [one for one in told if one[1] not in (200, 400, 401)] == []
    assert {400, 401} <= {status for _, status in told}
    for line in server.run.chunks[mark:]:
        assert isinstance(json.loads(line), dict), line


def test_naughty_strings_as_passwords(server, naughty, is_full):
    """F8: none is the password, none is an error of ours. Each costs a hash, so the quick form takes a third."""
    texts = naughty if is_full else naughty[::3]
    for text, status in at_once(lambda text: server.try_login("amy", text).status_code, texts):
        assert status in (400, 401), text


def test_naughty_strings_as_header_values_tokens_and_queries(server, naughty):
    """L4, L13: raw, as a client that does not care would send them."""
    for text in naughty:
        octets = text.encode("utf-8", "surrogatepass").replace(b"\r", b"").replace(b"\n", b"")
        for line in (
            b"Authorization: Bearer " + octets,
            b"Authorization: Basic " + octets,
            b"X-Whatever: " + octets,
            b"If-None-Match: " + octets,
            b"Cookie: " + octets,
            b"Content-Type: " + octets,
        ):
            with server.wire() as wire:
                wire.send(b"GET /auth HTTP/1.1\r\nHost: x\r\n" + line + b"\r\nConnection: close\r\n\r\n")
                assert wire.answer().status in (400, 401), text
        assert server.refusal(text)[:6] in ("token_", "alg_no", "reques") or server.refusal(text) == "kid_unknown"
        answer = server.http.get("/verify", params={"q": text})
        assert answer.status_code in (400, 401), text


def test_naughty_strings_at_revoke_and_introspect(server, naughty):
    """H2, H8."""
    for text in naughty:
        if not text:
            continue
        assert server.revoke(text).status_code in (200, 400), text
        told = server.http.post("/introspect", data={"token": text}, auth=("shop", server.shop))
        assert told.status_code == 400 or told.json() == {"active": False}, text
        assert server.http.post(
            "/introspect",
            data={"token": "x"},
            headers={"Authorization": "Basic " + base64.b64encode(text.encode()).decode()},
        ).status_code in (400, 401)


def test_no_known_weak_secret_starts_the_service(make_server, vectors, is_full):
    """B4, B5: every published secret that is too short or has too little in it is refused at start."""
    secrets = json.loads((vectors / "weak-hmac-secrets" / "secrets.json").read_text())
    secrets = secrets if isinstance(secrets, list) else next(iter(secrets.values()))
    short = [secret for secret in secrets if len(secret.encode()) < 32]
    server = make_server(alg="HS256").start()
    server.stop()
    path = next(p for p in server.keys_path.glob("*.jwk") if json.loads(p.read_text()).get("purpose") == "refresh")
    key = json.loads(path.read_text())
    for secret in short[:: 1 if is_full else 40]:
        weak = base64.urlsafe_b64encode(secret.encode()).rstrip(b"=").decode()
        path.write_text(json.dumps(key | {"k": weak}))
        assert server.fail_to_start().code == 2, secret


def test_a_burst_of_every_naughty_message_leaves_the_same_process(server, vectors, naughty):
    """L13: after all of the above it still logs people in."""
    with server.wire() as wire:
        wire.send(request("GET", "/healthz"))
        assert wire.answer().status == 200
    assert server.refusal(server.login().access) == ""
