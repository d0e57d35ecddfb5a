"""clients/verifier: the same behavior of the clients for Node and Python, against a source that the test scripts."""

import json
import os
import socket
import struct
import time
import uuid

import pytest

from harness.feed import ALL, CLIENT, KEY, SUBJECT, FakeSource, crc32c, new_key, new_sid, public, record
from harness.tokens import b64url, claims_of, compact, sign
from harness.verifiers import COMMANDS, Verifier

LANGUAGES = [
    pytest.param(name, marks=pytest.mark.skipif(command[0] is None, reason=f"{name} is not here"))
    for name, command in COMMANDS.items()
]


@pytest.fixture
def source():
    source = FakeSource()
    yield source
    source.stop()


@pytest.fixture(params=LANGUAGES)
def start(request, source):
    """Starts a verifier that follows the source, and waits until it has everything."""
    made = []

    def start(is_ready: bool = True, **options) -> Verifier:
        settings = {"url": source.url, "issuer": source.issuer, "audience": "api"} | options
        made.append(Verifier(request.param, **{name: value for name, value in settings.items() if value is not None}))
        if is_ready:
            made[-1].wait(lambda status: status["state"] == "following")
        return made[-1]

    yield start
    for verifier in made:
        verifier.close()


@pytest.fixture
def verifier(start):
    return start()


def test_tokens_are_checked_as_the_service_checks_them(verifier, source):
    token = source.token()
    assert verifier.ask("verify", token=token, scope="read")["claims"]["scope"] == "read write"
    now = int(time.time())
    head, payload, tail = token.split(".")
    other = new_key("other")
    twice = b'{"iss":"' + source.issuer.encode() + b'","iss":"x","aud":"api"}'
    escaped = b'{"a":":x","iss" :1,"\\u0069ss":2}'
    cases = {
        "token_malformed": [
            "", "x", "a.b", "a.b.c.d", f"{token}.x", f"{head}.{payload}", f"{head}=.{payload}.{tail}", token + "=",
            f"{head}.{payload}.{tail[:-1]}{chr(ord(tail[-1]) + 1)}", token.replace(head[2], chr(ord(head[2]) + 256), 1),
            sign({"alg": "RS256", "kid": "key-1", "typ": "at+jwt"}, twice, source.key),
            sign({"alg": "RS256", "kid": "key-1", "typ": "at+jwt"}, escaped, source.key),
            sign({"alg": "RS256", "kid": "key-1", "typ": "at+jwt"}, b'{"iss":"\xff"}', source.key),
            sign({"alg": "RS256", "kid": "key-1", "typ": "at+jwt"}, b'["iss"]', source.key),
            sign({"alg": "RS256", "kid": "key-1", "typ": "at+jwt"}, b'{"iss":NaN}', source.key),
            sign(b'{"alg":"none","alg":"RS256","kid":"key-1","typ":"at+jwt"}', {}, source.key),
            source.token({"crit": ["exp"]}), source.token({"b64": False}), source.token({"kid": 1}),
        ],
        "token_too_large": [source.token(padding="x" * 8_192)],
        "alg_not_allowed": [
            source.token({"alg": "PS256"}), source.token({"alg": "none"}), source.token({"alg": "toString"}),
            sign({"alg": "HS256", "typ": "at+jwt", "kid": "key-1"}, {}, json.dumps(public(source.key)).encode()),
            f"{b64url(compact({'alg': 'none', 'typ': 'at+jwt'}))}.{payload}.",
        ],
        "kid_unknown": [source.token({"kid": "key-9"}), sign({"alg": "RS256", "typ": "at+jwt"}, {}, source.key)],
        "signature_invalid": [
            f"{head}.{payload}.{'A' if tail[0] != 'A' else 'B'}{tail[1:]}", f"{head}.{payload}.",
            source.token(key=other | {"kid": "key-1"}),
        ],
        "typ_mismatch": [source.token({"typ": "JWT"}), source.token({"typ": "rt+jwt"}), source.token({"typ": 1})],
        "issuer_mismatch": [source.token(iss=source.issuer + "/")],
        "audience_mismatch": [source.token(aud="billing"), source.token(aud=["billing", "API"]), source.token(aud=[])],
        "claim_missing": [source.token(**{name: None}) for name in ("iss", "aud", "sub", "jti", "iat", "exp")],
        "claim_invalid": [
            source.token(jti="x"), source.token(sid="x"), source.token(sid=new_sid().upper()), source.token(exp="1"),
            source.token(exp=1.5), source.token(iat=-1), source.token(sub=""), source.token(sub=1),
            source.token(aud=["api", 1]), source.token(scope=["read"]), source.token(bsq=-1), source.token(bsq="1"),
            source.token(bsq=True), source.token(client_id=""), source.token(nbf="x"), source.token(exp=2**60),
        ],
        "token_expired": [source.token(exp=now - 1), source.token(exp=now)],
        "token_not_active": [source.token(nbf=now + 90)],
    }  # fmt: skip
    wrong = [(code, token, found) for code in cases for token in cases[code] if (found := verifier.code(token)) != code]
    assert wrong == []
    assert verifier.code(token, scope="admin read") == "scope_insufficient"
    assert verifier.code(token, scope=["write"]) == "" == verifier.code(source.token(aud=["x", "api"], bsq=0))
    assert verifier.code(source.token({"typ": "application/AT+jwt"})) == ""


def test_the_spelling_of_json_does_not_matter_where_its_meaning_is_clear(verifier, source):
    claims = claims_of(source.token())
    header = {"alg": "RS256", "kid": "key-1", "typ": "at+jwt"}
    for text in (json.dumps(claims, indent=2), json.dumps(claims | {"x": [{"a": '":{'}, "\u00e9 \\\" :"]})):
        assert verifier.code(sign(header, text.encode(), source.key)) == ""
    nested = json.dumps(claims)[:-1] + ', "x": [{"a": {"b": 1, "b": 2}}]}'
    assert verifier.code(sign(header, nested.encode(), source.key)) == "token_malformed"


def test_each_kind_of_revocation_ends_what_it_names_and_nothing_else(verifier, source):
    old, new = new_sid(int(time.time() * 1000) - 5_000), new_sid(int(time.time() * 1000) + 5_000)
    other = str(uuid.uuid4())
    source.head = 100
    kept = source.token(sub=other)
    tokens = {
        "token_revoked": source.token(jti=(jti := str(uuid.uuid4()))),
        "session_revoked": source.token(sid=(sid := new_sid())),
        "subject_revoked": source.token(sub=(sub := str(uuid.uuid4())), sid=old, bsq=50),
        "client_revoked": source.token(client_id="shop", sid=old, sub=other),
    }
    assert [verifier.code(token) for token in tokens.values()] == [""] * 4
    source.revoke_token(jti)
    source.revoke_session(sid)
    source.cut(SUBJECT, sub)
    source.cut(CLIENT, "shop")
    for code, token in tokens.items():
        assert verifier.wait_for_code(token, code, 2) < 2
    assert verifier.code(kept) == ""
    # A login after the cut: by its bsq, whatever its session's time; without bsq by its time.
    assert verifier.code(source.token(sub=sub, sid=old, bsq=103)) == ""
    assert verifier.code(source.token(sub=sub, sid=new, bsq=102)) == "subject_revoked"
    assert verifier.code(source.token(sub=sub, sid=new)) == ""
    assert verifier.code(source.token(sub=sub, sid=old)) == "subject_revoked"
    # A client's own token has no session: its jti has a time, or its iat.
    mine = {"sid": None, "client_id": "shop", "sub": "client:shop"}
    assert verifier.code(source.token(**mine, jti=old)) == "client_revoked"
    assert verifier.code(source.token(**mine, jti=new)) == ""
    assert verifier.code(source.token(**mine, iat=int(time.time()) - 60)) == "client_revoked"
    assert verifier.code(source.token(**mine, iat=int(time.time()) + 60)) == ""


def test_a_spared_session_survives_cuts_up_to_its_own(verifier, source):
    spared, sub = new_sid(int(time.time() * 1000) - 5_000), str(uuid.uuid4())
    by_time, by_seq = source.token(sub=sub, sid=spared), source.token(sub=sub, sid=spared, bsq=0)
    gone = source.token(sub=sub, sid=new_sid(int(time.time() * 1000) - 5_000))
    source.cut(SUBJECT, sub, spared=spared)
    verifier.wait_for_code(gone, "subject_revoked")
    assert verifier.code(by_time) == verifier.code(by_seq) == ""
    # A spare is of one kind: a cut of everything ends the session all the same.
    time.sleep(0.01)
    source.cut(ALL)
    assert verifier.wait_for_code(by_time, "subject_revoked") < 2 and verifier.code(by_seq) == "subject_revoked"


def test_a_later_cut_ends_a_session_that_an_earlier_one_spared(verifier, source):
    spared, sub = new_sid(int(time.time() * 1000) - 5_000), str(uuid.uuid4())
    by_time, by_seq = source.token(sub=sub, sid=spared), source.token(sub=sub, sid=spared, bsq=0)
    source.cut(SUBJECT, sub, spared=spared)
    time.sleep(0.01)
    source.cut(SUBJECT, sub)
    assert verifier.wait_for_code(by_time, "subject_revoked") < 2 and verifier.code(by_seq) == "subject_revoked"


def test_a_cut_of_a_key_ends_all_its_tokens(verifier, source):
    late = source.token(sid=new_sid(int(time.time() * 1000) + 60_000), bsq=10_000)
    source.cut(KEY, "another-key")
    source.cut(KEY, source.key["kid"])
    verifier.wait_for_code(late, "key_revoked")


def test_a_snapshot_comes_first_and_the_feed_goes_on_from_it(start, source):
    before = source.token(jti=(jti := str(uuid.uuid4())))
    source.revoke_token(jti)
    verifier = start(credentials="reader:secret")
    assert verifier.code(before) == "token_revoked"
    after = source.token(jti=(jti := str(uuid.uuid4())))
    assert verifier.code(after) == ""
    source.revoke_token(jti)
    assert verifier.wait_for_code(after, "token_revoked") < 5
    asked = [(path, field) for path, _, field in source.asked]
    assert all(field == "Basic cmVhZGVyOnNlY3JldA==" for path, field in asked if path.startswith("/revocations"))
    assert all(field is None for path, field in asked if not path.startswith("/revocations"))


def test_a_source_may_hold_a_request_only_while_the_verifier_is_current(start, source):
    """Otherwise each start and each return of the source would take a second longer."""
    verifier = start()
    waits = lambda: [query["wait"] for path, query, _ in source.asked if path == "/revocations"]  # noqa: E731
    verifier.wait(lambda _: len(waits()) >= 2)
    assert waits()[:2] == ["0", "1"]
    source.faults["/revocations"] = lambda handler: handler.reply(503, b"")
    verifier.wait(lambda status: status["state"] == "away")
    source.asked.clear()
    source.faults.clear()
    verifier.wait(lambda status: status["state"] == "following" and "1" in waits())
    assert waits()[0] == "0"


def test_more_records_than_fit_into_one_answer(verifier, source):
    last = source.token(jti=(jti := str(uuid.uuid4())))
    with source.changed:
        for _ in range(9_000):
            source.head += 1
            source.records.append((source.head, record(source.head, 1, uuid.uuid4().bytes)))
    source.revoke_token(jti)
    verifier.wait_for_code(last, "token_revoked")
    assert verifier.status["position"] == "1:9001" and verifier.status["revocations"] == 9_001


def test_expired_records_are_forgotten_or_not_but_never_the_living(start, source):
    for _ in range(10):
        source.revoke_token(str(uuid.uuid4()), expires=int(time.time() * 1000) - 120_000)
    token = source.token(jti=(jti := str(uuid.uuid4())))
    source.revoke_token(jti)
    verifier = start()
    time.sleep(1.5)
    assert verifier.code(token) == "token_revoked"


def test_keys_come_when_a_token_names_an_unknown_one_and_not_more_often_than_every_five_seconds(verifier, source):
    time.sleep(5)
    source.keys = [source.key, new_key("key-2")]
    token = source.token(key=source.keys[1])
    count = source.count("/.well-known/jwks.json")
    assert verifier.code(token) == ""
    for number in range(50):
        assert verifier.code(source.token({"kid": f"no-{number}"})) == "kid_unknown"
    assert source.count("/.well-known/jwks.json") == count + 1


def test_a_shared_secret_verifies_only_where_it_was_given(start, source):
    secret = {"kty": "oct", "kid": "s1", "alg": "HS256", "k": b64url(b"0123456789abcdef0123456789abcdef")}
    claims = claims_of(source.token())
    token = sign({"alg": "HS256", "typ": "at+jwt", "kid": "s1"}, claims, b"0123456789abcdef0123456789abcdef")
    source.keys = [source.key, secret]
    assert start(secrets=[secret]).code(token) == ""
    assert start().code(token) == "kid_unknown"


def test_nothing_is_verified_before_the_first_synchronization(start, source):
    source.faults["/revocations/snapshot"] = lambda handler: handler.reply(503, b"")
    verifier = start(is_ready=False)
    verifier.wait(lambda status: status["state"] == "away")
    assert verifier.ask("verify", token=source.token()) == {"code": "stale", "status": 503}
    del source.faults["/revocations/snapshot"]
    verifier.wait(lambda status: status["state"] == "following")
    assert verifier.code(source.token()) == ""


@pytest.mark.parametrize(("policy", "code"), [("serve", ""), ("refuse", "stale")])
def test_what_a_verifier_does_while_the_source_is_away(start, source, policy, code):
    verifier = start(on_stale=policy, max_age=3)
    revoked, good = source.token(jti=(jti := str(uuid.uuid4()))), source.token()
    source.revoke_token(jti)
    verifier.wait_for_code(revoked, "token_revoked")
    source.stop()
    source.faults["/revocations"] = lambda handler: handler.connection.close()
    assert verifier.code(good) == ""
    verifier.wait(lambda status: status["age"] > 3.1)
    assert verifier.code(good) == code and verifier.code(revoked) == (code or "token_revoked")
    source.faults.clear()
    source.restart()
    verifier.wait(lambda status: status["state"] == "following" and status["age"] < 3)
    assert verifier.code(good) == "" and verifier.code(revoked) == "token_revoked"


def test_the_age_counts_from_the_request_and_adds_that_of_the_source(start, source):
    source.age = "40.000"
    verifier = start()
    assert 40 <= verifier.status["age"] < 43
    source.age = "0.250"
    # The request waits for a second, and its answer shows the state of things when it was sent or later.
    verifier.wait(lambda status: 1 <= status["age"] < 3)


def fields_but(**changed: str | None):
    """Makes an answer without records whose fields differ; None leaves one out."""
    names = {name.replace("_", "-"): value for name, value in changed.items()}

    def answer(handler) -> None:
        kept = [(name, value) for name, value in handler.server.source.fields() if name not in names]
        handler.reply(200, b"", kept + [(name, value) for name, value in names.items() if value is not None])

    return answer


def content(make, ahead: int = 2):
    """Makes an answer with records from the seq on that comes next, with a head so far ahead."""

    def answer(handler) -> None:
        source = handler.server.source
        kept = [(name, value) for name, value in source.fields() if name != "Revocation-Seq"]
        handler.reply(200, make(source.head + 1), [*kept, ("Revocation-Seq", f"1:{source.head + ahead}")])

    return answer


def flipped(octets: bytes, at: int) -> bytes:
    return octets[:at] + bytes([octets[at] ^ 4]) + octets[at + 1 :]


def good(seq: int) -> bytes:
    return record(seq, 1, uuid.uuid4().bytes)


def not_zero(seq: int) -> bytes:
    """With a right checksum."""
    tail = good(seq)[4:56] + bytes([1]) + bytes(7)
    return crc32c(tail).to_bytes(4, "little") + tail


def endless(handler) -> None:
    """Content without a stated length, up to 1 GiB."""
    handler.send_response(200)
    for name, value in [*handler.server.source.fields(), ("Connection", "close")]:
        handler.send_header(name, value)
    handler.end_headers()
    handler.close_connection = True
    for _ in range(1_024):
        handler.wfile.write(bytes(2**20))


def unmarked(handler) -> None:
    """The first of two records, and the connection ends: nothing says that the second is missing."""
    source, seq = handler.server.source, handler.server.source.head + 1
    fields = "".join(f"{name}: {value}\r\n" for name, value in source.fields() if name != "Revocation-Seq")
    head = f"HTTP/1.1 200 OK\r\n{fields}Revocation-Seq: {source.epoch}:{seq + 1}\r\nConnection: close\r\n\r\n"
    handler.connection.sendall(head.encode() + good(seq))
    handler.close_connection = True


DAMAGE = {
    "an answer without a mark of its end": (unmarked, "where it ends"),
    "a flipped bit": (content(lambda seq: flipped(good(seq), 20)), "checksum"),
    "a flipped bit in the checksum": (content(lambda seq: flipped(good(seq), 0)), "checksum"),
    "a flipped bit in the second record": (content(lambda seq: good(seq) + flipped(good(seq + 1), 5)), "checksum"),
    "an end that is not zero": (content(not_zero), "zeros"),
    "an incomplete record": (content(lambda seq: good(seq)[:40]), "incomplete"),
    "an unknown kind": (content(lambda seq: record(seq, 3, bytes(16))), "kind 3"),
    "a rotation": (content(lambda seq: record(seq, 7, bytes(16))), "kind 7"),
    "unknown flags": (content(lambda seq: record(seq, 1, bytes(16), flags=2)), "flags 2"),
    "a cut of an unknown kind": (content(lambda seq: record(seq, 4, bytes(16), flags=5 << 4)), "flags 80"),
    "a record that was there": (content(lambda seq: good(seq - 1)), "out of order"),
    "the same record twice": (content(lambda seq: good(seq) * 2), "out of order"),
    "records out of order": (content(lambda seq: good(seq + 1) + good(seq)), "out of order"),
    "a record above the head": (content(lambda seq: good(seq + 2)), "out of order"),
    "another issuer": (fields_but(Revocation_Issuer="https://other.example.com"), "other.example.com"),
    "no issuer": (fields_but(Revocation_Issuer=None), "the feed is of"),
    "no head": (fields_but(Revocation_Seq=None), "position"),
    "a malformed head": (fields_but(Revocation_Seq="1:02"), "position"),
    "a head that went back": (fields_but(Revocation_Seq="1:0"), "went back"),
    "an epoch that went back": (fields_but(Revocation_Seq="0:90"), "went back"),
    "a malformed age": (fields_but(Revocation_Age="-1"), "age"),
    "no age": (fields_but(Revocation_Age=None), "age"),
    "more of nothing": (fields_but(Revocation_More="1"), "without records"),
    "1 GiB": (endless, "more than 262144 bytes"),
    "more than 4,096 records": (content(lambda seq: bytes(64 * 4_097)), "more than 262144 bytes"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_answer_is_asked_for_again_and_nothing_is_skipped_or_lost(start, source, name):
    jti, later = str(uuid.uuid4()), str(uuid.uuid4())
    revoked, other = source.token(jti=jti), source.token(jti=later)
    source.revoke_token(jti)
    verifier = start()
    source.faults["/revocations"], reason = DAMAGE[name]
    status = verifier.wait(lambda status: status["state"] == "damaged")
    assert reason in status["error"] and f"damaged: {status['error']}" in status["events"]
    asked, snapshots = source.count("/revocations"), source.count("/revocations/snapshot")
    assert verifier.code(revoked) == "token_revoked" and verifier.code(other) == ""
    verifier.wait(lambda status: status["age"] > 1.3)
    # With pauses that grow, at the same position.
    assert verifier.status["position"] == status["position"] and source.count("/revocations") - asked < 8
    source.faults.clear()
    source.revoke_token(later)
    verifier.wait(lambda status: status["state"] == "following")
    assert verifier.code(revoked) == "token_revoked" == verifier.code(other)
    assert source.count("/revocations/snapshot") == snapshots


@pytest.mark.parametrize(
    "held, counts", [("0.800", True), ("3600.000", True), ("", False), ("-1.000", False), ("1e3", False)]
)
def test_the_age_counts_from_the_end_of_the_wait_at_the_source(start, source, held, counts):
    source.held = held
    verifier = start()
    verifier.wait(lambda status: status["age"] > (0.5 if counts else 1))
    ages, end = [], time.monotonic() + 1.5
    while time.monotonic() < end:
        ages.append(verifier.status["age"])
        time.sleep(0.02)
    # A request waits for a second, and none can have waited for longer than its answer took.
    assert min(ages) >= 0 and (min(ages) < 0.9) == counts


def cut_off(handler) -> None:
    """The connection ends within the content."""
    handler.send_response(200)
    for name, value in handler.server.source.fields():
        handler.send_header(name, value)
    handler.send_header("Content-Length", "640")
    handler.end_headers()
    handler.wfile.write(bytes(100))
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def endless_line(handler) -> None:
    try:
        handler.connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
        for _ in range(1_024):
            handler.connection.sendall(b"x" * 65_536)
    finally:
        handler.close_connection = True


def no_http(handler) -> None:
    handler.connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    handler.close_connection = True


def hang_up(handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def page(handler) -> None:
    handler.reply(200, b"<h1>Maintenance</h1>", [("Content-Type", "text/html")])


AWAY = {
    "a connection that ends": hang_up,
    "a connection that ends within the content": cut_off,
    "an endless line": endless_line,
    "another protocol": no_http,
    "a page of a proxy": page,
    "an error of the service": lambda handler: handler.reply(500, b"{}"),
    "no permission": lambda handler: handler.reply(403, b'{"code":"scope_insufficient"}'),
}


@pytest.mark.parametrize("name", AWAY)
def test_a_source_that_does_not_answer_is_asked_again_and_nothing_is_skipped(start, source, name):
    verifier = start()
    revoked = source.token(jti=(jti := str(uuid.uuid4())))
    source.faults["/revocations"] = AWAY[name]
    status = verifier.wait(lambda status: status["state"] == "away" and status["error"])
    assert name != "no permission" or status["error"].endswith("403 scope_insufficient")
    source.revoke_token(jti)
    asked = source.count("/revocations")
    time.sleep(1)
    # With growing pauses, and not in a loop without any.
    assert asked < source.count("/revocations") < asked + 25 and verifier.code(revoked) == ""
    source.faults.clear()
    verifier.wait_for_code(revoked, "token_revoked")
    assert verifier.wait(lambda status: status["state"] == "following")["position"] == "1:1"
    assert source.count("/revocations/snapshot") == 1


def test_a_source_that_hangs_is_given_up_after_some_seconds(start, source):
    verifier = start()
    source.faults["/revocations"] = lambda handler: time.sleep(30)
    assert verifier.wait(lambda status: status["state"] == "away", 12)["error"]
    source.faults.clear()
    verifier.wait(lambda status: status["state"] == "following")


def test_a_source_that_answers_byte_by_byte_is_given_up_after_some_seconds(start, source):
    """Each byte is in time, and the answer never is."""

    def trickle(handler) -> None:
        handler.connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(300):
            handler.connection.sendall(b"a")
            time.sleep(0.1)

    verifier = start()
    source.faults["/revocations"] = trickle
    assert verifier.wait(lambda status: status["state"] == "away", 12)["error"]
    source.faults.clear()
    verifier.wait(lambda status: status["state"] == "following")


RESETS = {
    "sequence_gone": lambda source: setattr(source, "first", source.head),
    "sequence_ahead": lambda source: setattr(source, "head", source.head - 40),
    "sequence_unknown": lambda source: setattr(source, "epoch", 2),
}


@pytest.mark.parametrize("name", RESETS)
def test_a_reset_starts_from_a_snapshot_and_keeps_every_revocation(start, source, name):
    source.head = 50
    known, missed = (source.token(jti=str(uuid.uuid4())) for _ in range(2))
    jtis = [claims_of(token)["jti"] for token in (known, missed)]
    source.revoke_token(jtis[0])
    verifier = start()
    source.faults["/revocations"] = hang_up
    verifier.wait(lambda status: status["state"] == "away")
    source.head += 60
    source.records.clear()
    source.revoke_token(jtis[1])
    if name == "sequence_ahead":
        source.records.clear()
        source.head = 10
        source.revoke_token(jtis[1])
    else:
        RESETS[name](source)
    source.faults.clear()
    verifier.wait_for_code(missed, "token_revoked")
    status = verifier.wait(lambda status: status["state"] == "following")
    assert verifier.code(known) == "token_revoked" and any(event.startswith("reset: ") for event in status["events"])
    assert status["position"] == f"{source.epoch}:{source.head}" and source.count("/revocations/snapshot") == 2


def test_a_new_epoch_goes_on_without_a_reset(start, source):
    source.head = 5
    verifier = start()
    # The source knows where the epoch before ended, and answers a position of it.
    source.faults["/revocations"] = fields_but(Revocation_Seq=f"2:{2**21}")
    assert verifier.wait(lambda status: status["position"] == f"2:{2**21}")["state"] == "following"
    assert source.count("/revocations/snapshot") == 1


SNAPSHOTS = {
    "a flipped bit in a record": (lambda source, text: flipped(text, len(text) - 30), "not the signed one"),
    "a flipped bit in the signature": (lambda source, text: flipped(text, text.index(b"\n") - 20), "signature"),
    "a record is missing": (lambda source, text: text[:-64], "not the signed one"),
    "a record is added": (lambda source, text: text + good(2), "not the signed one"),
    "another issuer": (lambda source, text: source.signed(b"", iss="https://other.example.com"), "other.example.com"),
    "an access token as signature": (lambda source, text: source.token().encode() + b"\n", "signature"),
    "no signature": (lambda source, text: good(1), "signature"),
    "nothing": (lambda source, text: b"", "signature"),
    "a malformed time": (lambda source, text: source.signed(b"", iat="now"), "time"),
    "a malformed position": (lambda source, text: source.signed(b"", pos="1"), "position"),
    "a wrong count": (lambda source, text: source.signed(good(1), count=2), "not the signed one"),
    "a record above its position": (lambda source, text: source.signed(good(99)), "out of order"),
    "1 MiB more than allowed": (lambda source, text: bytes(2**21), "more than 1048576 bytes"),
}


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_a_snapshot_that_is_not_as_signed_is_rejected(start, source, name):
    source.revoke_token(str(uuid.uuid4()))
    make, reason = SNAPSHOTS[name]
    source.faults["/revocations/snapshot"] = lambda handler: handler.reply(200, make(source, source.snapshot()))
    verifier = start(is_ready=False, snapshot_bytes_max=2**20)
    status = verifier.wait(lambda status: status["state"] == "damaged")
    assert reason in status["error"] and status.get("position") is None
    assert verifier.code(source.token()) == "stale"


def test_a_snapshot_verifies_tokens_without_a_connection(start, source, tmp_path):
    revoked = source.token(jti=(jti := str(uuid.uuid4())))
    source.revoke_token(jti)
    path = tmp_path / "revocations.snap"
    path.write_bytes(source.snapshot())
    verifier = start(is_ready=False, url=None, jwks={"keys": [public(source.key)]})
    assert verifier.code(source.token()) == "stale"
    assert verifier.ask("load", file=str(path), max_age=60)["claims"]["pos"] == "1:1"
    assert verifier.code(source.token()) == "" and verifier.code(revoked) == "token_revoked"
    source.issued_at = int(time.time()) - 61
    path.write_bytes(source.snapshot())
    assert verifier.ask("load", file=str(path), max_age=60) == {"code": "stale", "status": 503}
    path.write_bytes(flipped(path.read_bytes(), 300))
    assert "Damaged" in verifier.ask("load", file=str(path))["error"]


@pytest.mark.parametrize("is_ahead", [True, False])
def test_a_clock_that_is_ahead_forgets_no_revocation(start, source, is_ahead):
    """When it is set right, tokens that looked expired are valid again."""
    expires = int(time.time() * 1_000) - 3_600_000
    token = source.token(jti=(jti := str(uuid.uuid4())))
    source.revoke_token(jti, expires=expires)
    source.issued_at = int(time.time()) - (86_400 if is_ahead else 0)
    verifier = start()
    if is_ahead:
        time.sleep(2.5)
        assert verifier.status["revocations"] == 1 and verifier.code(token) == "token_revoked"
    else:
        verifier.wait(lambda status: status["revocations"] == 0)


def test_a_snapshot_with_very_many_revocations(start, source, tmp_path, is_full):
    """The digest covers the records of a snapshot, so these have no checksums of their own."""
    count = 1_000_000 if is_full else 50_000
    layout, ids = struct.Struct("<IBBHQ16sqQqQ"), os.urandom(16 * count)
    expires = int(time.time() * 1000) + 3_600_000
    records = (
        layout.pack(0, 1, 0, 2, seq, ids[16 * seq - 16 : 16 * seq], expires, 0, 0, 0) for seq in range(1, count + 1)
    )
    source.head = count
    path = tmp_path / "revocations.snap"
    path.write_bytes(source.signed(b"".join(records)))
    verifier = start(is_ready=False, url=None, jwks={"keys": [public(source.key)]})
    begin = time.monotonic()
    assert verifier.ask("load", file=str(path), max_age=600)["claims"]["count"] == count
    print(f"{count} revocations in {time.monotonic() - begin:.2f} s")
    assert verifier.status["revocations"] == count
    for index in (0, count // 2, count - 1):
        jti = str(uuid.UUID(bytes=ids[16 * index : 16 * index + 16]))
        assert verifier.code(source.token(jti=jti)) == "token_revoked"
    assert verifier.code(source.token()) == ""


def test_verified_claims_cannot_be_changed_for_the_next_caller(start, source):
    verifier = start(cache_size=2)
    tokens = [source.token(roles=["reader"]) for _ in range(5)]
    for _ in range(2):
        for token in tokens:
            assert verifier.ask("verify", token=token)["claims"]["roles"] == ["reader"]


def test_a_key_that_is_gone_ends_tokens_that_were_remembered(start, source):
    verifier = start()
    second = new_key("key-2")
    source.keys = [source.key, second]
    token = source.token(key=second)
    time.sleep(5)
    assert verifier.code(token) == ""
    source.keys = [source.key]
    time.sleep(5)
    assert verifier.code(source.token({"kid": "key-3"})) == "kid_unknown"
    assert verifier.code(token) == "kid_unknown"


@pytest.mark.parametrize("language", LANGUAGES)
def test_settings_are_checked(language):
    for options in ({"on_stale": "Refuse"}, {"max_age": 0}):
        with pytest.raises(AssertionError):
            Verifier(language, issuer="https://auth.example.com", **options)
