"""clients/verifier: middleware, threads, and the end of a verifier, where a process of its own shows nothing."""

import asyncio
import subprocess
import sys
import threading
import time
import uuid

import flask
import pytest

from harness.feed import FakeSource, new_key
from harness.tokens import claims_of
from harness.verifiers import CLIENTS, NODE

sys.path.insert(0, str(CLIENTS / "python"))
from martlet_verifier import RequireToken, RequireTokenWSGI, Verifier, VerifyError  # noqa: E402
from martlet_verifier.source import Source  # noqa: E402


@pytest.fixture(scope="module")
def source():
    source = FakeSource()
    yield source
    source.stop()


@pytest.fixture(scope="module")
def verifier(source):
    verifier = Verifier(source.issuer, source.url, audience="api").ready(20)
    yield verifier
    verifier.close()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


REJECTED = [
    ({}, 401, "token_missing", 'Bearer realm="martlet"'),
    ({"Authorization": "Basic eDp5"}, 401, "token_missing", 'Bearer realm="martlet"'),
    ({"Authorization": "Bearer "}, 401, "token_missing", 'Bearer realm="martlet"'),
    (bearer("x"), 401, "token_malformed", 'Bearer realm="martlet", error="invalid_token"'),
    (bearer("\u00e9.\u00e9.\u00e9"), 401, "token_malformed", 'Bearer realm="martlet", error="invalid_token"'),
    (bearer("a b"), 401, "token_malformed", 'Bearer realm="martlet", error="invalid_token"'),
    ("write only", 403, "scope_insufficient", 'Bearer realm="martlet", error="insufficient_scope"'),
]


@pytest.mark.parametrize(("fields", "status", "code", "challenge"), REJECTED)
def test_wsgi_answers_what_it_does_not_let_pass(source, verifier, fields, status, code, challenge):
    app = flask.Flask("orders")
    app.wsgi_app = RequireTokenWSGI(app.wsgi_app, verifier, scope="read")
    app.get("/orders")(lambda: flask.request.environ["martlet.claims"]["sub"])
    client = app.test_client()
    good = source.token()
    assert client.get("/orders", headers=bearer(good)).text == claims_of(good)["sub"]
    answer = client.get("/orders", headers=bearer(source.token(scope="write")) if isinstance(fields, str) else fields)
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (status, code)
    assert answer.headers["WWW-Authenticate"] == challenge
    assert answer.headers["Content-Type"] == "application/problem+json"


def ask(app, fields: dict[str, str], kind: str = "http") -> list[dict]:
    """What an ASGI application sends."""
    sent = []

    async def send(message) -> None:
        sent.append(message)

    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in fields.items()]
    asyncio.run(app({"type": kind, "headers": headers}, None, send))
    return sent


async def inner(scope, receive, send) -> None:
    await send({"type": "passed", "claims": scope.get("martlet.claims")})


@pytest.mark.parametrize(("fields", "status", "code", "challenge"), REJECTED)
def test_asgi_answers_what_it_does_not_let_pass(source, verifier, fields, status, code, challenge):
    app = RequireToken(inner, verifier, scope="read")
    good = source.token()
    assert ask(app, bearer(good))[0]["claims"] == claims_of(good)
    start, body = ask(app, bearer(source.token(scope="write")) if isinstance(fields, str) else fields)
    assert start["status"] == status and dict(start["headers"])[b"www-authenticate"].decode() == challenge
    assert f'"code": "{code}"'.encode() in body["body"]
    assert ask(app, {}, "websocket") == [{"type": "websocket.close", "code": 1008}]
    assert ask(app, bearer(good), "websocket")[0]["claims"]["sub"] == claims_of(good)["sub"]
    assert ask(app, {}, "lifespan") == [{"type": "passed", "claims": None}]


def test_asgi_asks_for_a_new_key_without_blocking_other_requests(source, verifier):
    time.sleep(5)
    source.keys = [source.key, new_key("new")]
    token, known = source.token(key=source.keys[1]), source.token()
    slow = threading.Event()
    send_keys = source.send_keys
    source.faults["/.well-known/jwks.json"] = lambda handler: (slow.wait(3), send_keys(handler))
    app = RequireToken(inner, verifier)
    order = []

    async def request(text: str, name: str) -> None:
        async def send(message) -> None:
            order.append(name)

        await app({"type": "http", "headers": [(b"authorization", f"Bearer {text}".encode())]}, None, send)
        slow.set()

    async def both() -> None:
        await asyncio.gather(request(token, "new key"), request(known, "known key"))

    asyncio.run(both())
    source.faults.clear()
    assert order == ["known key", "new key"]


def test_a_stale_verifier_answers_503(source):
    verifier = Verifier(source.issuer, jwks={"keys": []}, audience="api")
    start, _ = ask(RequireToken(inner, verifier), bearer(source.token()))
    assert start["status"] == 503 and dict(start["headers"])[b"retry-after"] == b"1"


def test_ready_gives_up_at_once_if_the_source_is_not_the_right_one(source):
    verifier = Verifier("https://other.example.com", source.url, audience="api")
    start = time.monotonic()
    with pytest.raises(TimeoutError, match="auth.example.com and not of https://other.example.com"):
        verifier.ready(20)
    assert time.monotonic() - start < 10
    verifier.close()


@pytest.mark.parametrize(("count", "seconds", "is_whole"), [(30, 30, True), (3, 30, False), (30, 2, False)])
def test_a_slow_answer_is_waited_for_while_something_arrives_and_not_for_ever(source, count, seconds, is_whole):
    """As test/source.test.js: a byte each 200 ms, and then nothing."""

    def trickle(handler) -> None:
        handler.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n")
        for _ in range(count):
            time.sleep(0.2)
            handler.connection.sendall(b"a")
        time.sleep(0 if count == 30 else 10)

    source.faults["/slow"] = trickle
    asking = Source(source.url, None)
    try:
        if is_whole:
            assert asking.get("/slow", 1_000, seconds, 4).content == b"a" * 30
        else:
            with pytest.raises(TimeoutError):
                asking.get("/slow", 1_000, seconds, 4)
    finally:
        asking.close()
        del source.faults["/slow"]


def test_threads_verify_while_revocations_arrive(source, verifier):
    """No thread sees a half-applied revocation, and none accepts a token that another one saw revoked."""
    jti, failures, seen = str(uuid.uuid4()), [], threading.Event()
    token, others = source.token(jti=jti), [source.token() for _ in range(20)]

    def work() -> None:
        try:
            while not seen.is_set():
                for other in others:
                    verifier.verify(other)
                was_seen = seen.is_set()
                try:
                    verifier.verify(token)
                    assert not was_seen
                except VerifyError as error:
                    assert error.code == "token_revoked"
                    seen.set()
        except Exception as error:
            failures.append(error)
            seen.set()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(500):
        source.revoke_session(str(uuid.uuid4()))
    source.revoke_token(jti)
    for thread in threads:
        thread.join(20)
    assert failures == [] and seen.is_set()


def test_an_event_handler_that_fails_does_not_end_the_following(source):
    def fail(event: str, detail: str) -> None:
        raise RuntimeError(event)

    verifier = Verifier(source.issuer, source.url, audience="api", on_event=fail).ready(20)
    token = source.token(jti=(jti := str(uuid.uuid4())))
    source.revoke_token(jti)
    deadline = time.monotonic() + 5
    while True:
        try:
            verifier.verify(token)
            assert time.monotonic() < deadline
        except VerifyError as error:
            assert error.code == "token_revoked"
            break
    verifier.close()


PROGRAMS = {
    "js": """
        const { Verifier } = await import(process.argv[1]);
        const verifier = new Verifier({ url: process.argv[2], issuer: process.argv[3] });
        await verifier.ready(4).catch(() => {});
        const start = performance.now();
        verifier.close();
        process.on('exit', () => console.log(performance.now() - start));
    """,
    "python": """
import atexit, sys, time; sys.path.insert(0, sys.argv[1])
from martlet_verifier import Verifier
verifier = Verifier(sys.argv[3], sys.argv[2])
try: verifier.ready(4)
except TimeoutError: pass
start = time.monotonic()
verifier.close()
atexit.register(lambda: print((time.monotonic() - start) * 1000))
    """,
}


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize("language", PROGRAMS)
def test_a_closed_verifier_lets_the_process_end(source, language, away):
    path = str(CLIENTS / ("js/verifier.js" if language == "js" else "python"))
    command = {"js": [NODE, "--input-type=module", "-e"], "python": [sys.executable, "-c"]}[language]
    if command[0] is None:
        pytest.skip("there is no node here")
    # Nothing listens on port 1, so the verifier is in one of its pauses.
    url = "http://127.0.0.1:1" if away else source.url
    command = [*command, PROGRAMS[language], path, url, source.issuer]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert float(done.stdout) < 1_000
