"""POST /verify/batch: it agrees with single calls over every transport, and is as fresh as its `seq` says."""

import json
import socket
import threading
import time
import uuid

import httpx
import pytest

from harness.busy import BusyClients
from harness.http2 import HTTP2Client
from harness.positions import number
from harness.secured import Secured
from harness.server import Session
from harness.wire import request

LARGEST = 1_048_576
JSON_TYPE = {"Content-Type": "application/json"}


def batch(server, tokens, **members) -> httpx.Response:
    return server.http.post("/verify/batch", json={"tokens": tokens} | members)


def codes(answer) -> list[str]:
    """The code of each result, empty for a valid token."""
    assert answer.status_code == 200, answer.text
    return [result.get("code", "") for result in answer.json()["results"]]


def fresh(server, count: int, session: Session | None = None) -> list[str]:
    """Tokens that the server has never seen."""
    forge = server.forge((session or server.login()).access)
    return [forge.token(jti=str(uuid.uuid4())) for _ in range(count)]


def test_a_mixture_agrees_with_single_calls(server):
    now = int(time.time())
    session = server.login()
    forge = server.forge(session.access)
    revoked = server.login().access
    server.revoke(revoked)
    kinds = [
        session.access,
        server.login(audience="partner").access,
        forge.token(iat=now - 900, exp=now - 300),
        session.access[:-8] + "AAAAAAAA",
        forge.token(without=("jti",)),
        forge.token({"kid": "unheard-of"}),
        revoked,
        "a" * 8_193,
        "",
        "no token",
        "é",
    ]
    tokens = (kinds * 24)[:252] + fresh(server, 4, session)
    single = {token: server.verify(token) for token in set(tokens)}
    answer = batch(server, tokens)
    assert answer.headers["content-type"] == "application/json" and answer.headers["cache-control"] == "no-store"
    results = answer.json()["results"]
    assert len(results) == 256 and len({result.get("code") for result in results}) == 8
    for token, result in zip(tokens, results):
        alone = single[token]
        if alone.status_code != 200:
            assert result == {"active": False, "code": alone.json()["code"]}
        else:
            assert {k: v for k, v in result.items() if k != "expires_in"} == {
                k: v for k, v in alone.json().items() if k != "expires_in"
            }
            assert alone.json()["expires_in"] - 20 <= result["expires_in"] <= alone.json()["expires_in"]


def test_a_revocation_before_the_batch_shows_in_it_a_thousand_times_under_load(server):
    session = server.login()
    others = fresh(server, 3, session)
    forge = server.forge(session.access)
    load = request("GET", "/verify", Authorization=f"Bearer {session.access}")
    with BusyClients(server.address, load, count=4) as busy:
        for attempt in range(1_000):
            token = forge.token(jti=str(uuid.uuid4()))
            if attempt % 100 == 0:
                assert codes(batch(server, [token])) == [""]
            seq = number(server.revoke(token).headers["revocation-seq"])
            answer = batch(server, [*others, token], claims=False)
            assert codes(answer) == ["", "", "", "token_revoked"], number
            assert number(answer.json()["seq"]) >= seq
    assert busy.failures == []


def test_conditions_and_claims(server):
    session = server.login()
    tokens = [session.access, "no"]
    assert codes(batch(server, tokens, scope="sing")) == ["scope_insufficient", "token_malformed"]
    assert codes(batch(server, tokens, audience=["api", "x"], min_seq=0)) == ["", "token_malformed"]
    bare = batch(server, tokens, claims=False).json()["results"]
    assert set(bare[0]) == {"active", "expires_in", "kid", "alg", "seq"}
    answer = server.http.post(
        "/verify/batch", params={"claims": '{"amr":"otp"}'}, json={"tokens": tokens, "claims": False}
    )
    assert codes(answer) == ["claim_mismatch", "token_malformed"]
    unknown = batch(server, tokens, min_seq="2:0")
    assert (unknown.status_code, unknown.json()["code"]) == (503, "sequence_unknown")
    late = batch(server, tokens, min_seq=10**15)
    assert (late.status_code, late.json()["code"], late.headers["retry-after"]) == (503, "sequence_not_reached", "1")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"tokens":[]}',
        b'{"tokens":[1]}',
        b'{"tokens":["a"],"tokens":["a"]}',
        b'{"tokens":["a"],"claims":true}',
        b'{"tokens":["a"],"scoop":"a"}',
        json.dumps({"tokens": ["a"] * 257}).encode(),
    ],
)
def test_what_is_not_understood_is_400(server, content):
    answer = server.http.post("/verify/batch", content=content, headers=JSON_TYPE)
    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")


def test_a_form_and_a_token_in_the_url_are_rejected(server):
    answer = server.http.post("/verify/batch", data={"tokens": "a"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    answer = server.http.post("/verify/batch?token=a", json={"tokens": ["a"]})
    assert (answer.status_code, answer.json()["code"]) == (400, "token_in_url")


def test_metrics_count_tokens_and_the_request(server):
    def counts():
        kinds = (server.metric(f'martlet_batch_tokens_total{{result="{kind}"}}') for kind in ("active", "rejected"))
        return *kinds, server.metric('martlet_requests_total{route="/verify/batch",status="200"}')

    codes(batch(server, ["no"]))
    before = counts()
    codes(batch(server, [server.login().access] * 3 + ["no"]))
    assert tuple(late - early for early, late in zip(before, counts())) == (3, 1, 1)


def padded(count: int) -> bytes:
    """A batch of one token whose content has this length."""
    content = b'{"tokens":["no"]'
    return content + b" " * (count - len(content) - 1) + b"}"


def test_content_of_one_mebibyte_is_read_and_one_byte_more_is_413(server):
    for count, status in ((LARGEST, 200), (LARGEST + 1, 413)):
        answer = server.http.post("/verify/batch", content=padded(count), headers=JSON_TYPE)
        assert answer.status_code == status
        chunks = iter([padded(count)[start : start + 40_000] for start in range(0, count, 40_000)])
        assert server.http.post("/verify/batch", content=chunks, headers=JSON_TYPE).status_code == status
        with HTTP2Client(server.address) as client:
            assert client.post("/verify/batch", padded(count)).status == status
    # Two at once on one connection of HTTP/2 do not wait for each other.
    with HTTP2Client(server.address) as client:
        content, kind = padded(LARGEST), [("content-type", "application/json")]
        streams = [client.ask("POST", "/verify/batch", kind, content[:600_000], ends=False) for _ in range(2)]
        for stream in streams:
            client.send_body(stream, content[600_000:])
        assert [reply.status for reply in client.wait(*streams)] == [200, 200]
    for method, path in (("POST", "/verify"), ("POST", "/login"), ("POST", "/verify/batch/x")):
        answer = server.http.request(method, path, content=padded(65_537), headers=JSON_TYPE)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    with server.wire() as wire:
        wire.send(request("GET", "/verify/batch", b"x" * 65_537, Content_Type="application/json"))
        assert wire.answer().status == 413


def test_every_transport_carries_a_batch_of_256_never_seen_tokens(make_server):
    secured = Secured(make_server)
    server = secured.server
    path = f"{server.directory}/service.sock"
    server.settings["listen"] += f",unix:{path}"
    server.start()
    session = server.login()

    def content():
        return json.dumps({"tokens": fresh(server, 256, session)}).encode()

    def ask(client: httpx.Client, url: str) -> bytes:
        return client.post(f"{url}/verify/batch", content=content(), headers=JSON_TYPE).content

    def check(body: bytes, transport: str):
        results = json.loads(body)["results"]
        assert len(results) == 256 and all(result["active"] for result in results), transport

    with httpx.Client(verify=str(secured.root_path), http1=True) as client:
        check(ask(client, f"https://localhost:{secured.port}"), "TLS")
    check(ask(server.http, server.url), "HTTP/1.1")
    with httpx.Client(transport=httpx.HTTPTransport(uds=path)) as client:
        check(ask(client, "http://x"), "Unix socket")
    for protocol in ("h2c", "h2"):
        with secured.connect(protocol) as client:
            check(client.post("/verify/batch", content()).body, protocol)
    body = content()
    with socket.create_connection(server.address, 20) as link:
        head = f"POST /verify/batch HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        link.sendall(head.encode() + body)
        answer = b""
        while octets := link.recv(65_536):
            answer += octets
    check(answer.split(b"\r\n\r\n", 1)[1], "HTTP/1.0")


def test_a_client_that_leaves_ends_the_work(server):
    tokens = fresh(server, 256)
    message = request("POST", "/verify/batch", json.dumps({"tokens": tokens}).encode(), Content_Type="application/json")

    def verified():
        kinds = ("active", "rejected")
        return sum(server.metric(f'martlet_batch_tokens_total{{result="{kind}"}}') for kind in kinds)

    before = verified()
    links = []
    for _ in range(12):
        links.append(socket.create_connection(server.address, 20))
        links[-1].sendall(message)
    for link in links:
        link.close()
    server.wait_for(lambda: server.metric("martlet_connections_open") <= 3, what="the end of the connections")
    count = verified()
    time.sleep(0.3)
    assert verified() == count and 0 <= count - before < 12 * 256


def test_a_stopping_server_finishes_the_batches_it_has_begun(make_server):
    server = make_server(drain_delay="1s").start()
    tokens = fresh(server, 256)
    wrong, done = [], []

    def ask():
        with httpx.Client(timeout=20) as client:
            while True:
                try:
                    answer = client.post(f"{server.url}/verify/batch", json={"tokens": tokens})
                except (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError) as error:
                    # Only a request that got no answer at all may fail.
                    if not isinstance(error, httpx.ConnectError) and "without sending" not in str(error):
                        wrong.append(repr(error))
                    return
                done.append(answer.status_code)
                if answer.status_code != 200 or len(answer.json()["results"]) != 256:
                    wrong.append(answer.text[:200])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    server.wait_for(lambda: len(done) > 8, what="the first answers")
    assert server.stop() == 0
    for thread in threads:
        thread.join(20)
    assert wrong == [] and len(done) > 8
