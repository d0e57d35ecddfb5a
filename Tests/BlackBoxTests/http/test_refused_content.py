"""Content that is refused: before it is sent, while it is sent, and for its coding. And requests about the server as a whole."""

import gzip
import json
import time

import pytest

from harness.accounts import AMY
from harness.http2 import HTTP2Client
from harness.wire import Wire, request


def head_of(method: str, target: str, byte_count: int, media_type: str = "application/json", **fields: str) -> bytes:
    """The head of a request whose content does not follow yet."""
    typed = {"Content_Type": media_type} if media_type else {}
    whole = request(method, target, b"x" * byte_count, **typed, **fields)
    return whole[: len(whole) - byte_count]


def told(server, answer) -> dict:
    """The log line about a refusal."""
    identity = json.loads(answer.body)["request_id"]
    return next((event for event in server.events("request_refused") if event["request_id"] == identity), None)


ENDLESS = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4000000000\r\n\r\n"
REFUSED_HEADS = [
    ("POST", "/nothing", "application/json", 404, "not_found"),
    ("PUT", "/login", "application/json", 405, "method_not_allowed"),
    ("BREW", "/login", "application/json", 501, "method_unknown"),
    ("POST", "/login", "text/plain", 415, "unsupported_media_type"),
    ("POST", "/token", "application/json", 415, "unsupported_media_type"),
    ("POST", "/verify", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    ("GET", "/verify", "text/plain", 415, "unsupported_media_type"),
    ("POST", "/login", "", 415, "unsupported_media_type"),
    ("POST", "/verify?token=a.b.c", "application/json", 400, "token_in_url"),
]


@pytest.mark.parametrize("pieces", ["whole", "in pieces"])
@pytest.mark.parametrize(("method", "target", "media_type", "status", "code"), REFUSED_HEADS)
def test_what_is_wrong_in_the_head_is_refused_before_100_continue(server, method, target, media_type, status, code, pieces):
    head = head_of(method, target, 20, media_type, Expect="100-continue")
    with server.wire() as wire:
        if pieces == "whole":
            wire.send(head)
        else:
            wire.asked.append((method, target))
            for start in range(0, len(head), 40):
                wire.socket.sendall(head[start : start + 40])
                time.sleep(0.01)
        answer = wire.answer()
        assert (answer.status, answer.code) == (status, code)
        assert answer["connection"] == "close"
        assert wire.socket.recv(1) == b""


def test_content_that_is_wanted_is_still_asked_for(server):
    body = json.dumps({"username": AMY.name, "password": AMY.password}).encode()
    head = head_of("POST", "/login", len(body), Expect="100-continue")
    with server.wire() as wire:
        for _ in range(2):
            wire.send(head)
            assert wire.answer().status == 100
            wire.send(body)
            answer = wire.answer()
            assert answer.status == 200
            for name in ("access_token", "refresh_token"):
                server.remember(json.loads(answer.body)[name])


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "zstd", "deflate", "x-gzip", "compress"])
def test_compressed_content_is_refused_with_the_name_of_its_coding(server, coding):
    body = gzip.compress(json.dumps({"username": AMY.name, "password": AMY.password}).encode())
    answer = server.http.post("/login", content=body, headers={"Content-Type": "application/json", "Content-Encoding": coding})
    assert answer.status_code == 415
    assert answer.json()["code"] == "unsupported_media_type"
    assert f"Content-Encoding {coding.lower()} is not supported" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/verify", "/login", "/refresh", "/logout", "/token", "/revoke", "/introspect"])
def test_every_endpoint_refuses_a_content_coding(server, path):
    form = path in ("/token", "/revoke", "/introspect")
    media_type = "application/x-www-form-urlencoded" if form else "application/json"
    for coding in ("gzip", "made-up", "gzip, br"):
        answer = server.http.post(path, content=b"x", headers={"Content-Type": media_type, "Content-Encoding": coding})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
        assert "made-up" not in answer.text


def test_content_with_the_identity_coding_is_read(server):
    body = json.dumps({"username": AMY.name, "password": AMY.password}).encode()
    headers = {"Content-Type": "application/json", "Content-Encoding": "identity"}
    assert server.http.post("/login", content=body, headers=headers).status_code == 200


def test_a_client_that_writes_everything_first_can_read_the_refusal(server):
    """8 MB are refused at their head; the rest of them is thrown away, so that no reset overtakes the answer."""
    for _ in range(3):
        with server.wire() as wire:
            wire.send(head_of("POST", "/login", 8_000_000))
            wire.socket.sendall(b"x" * 8_000_000)
            answer = wire.answer()
            assert (answer.status, answer.code) == (413, "body_too_large")


def test_an_upload_that_does_not_end_is_cut_off(server):
    """Bounded in bytes: what comes beyond 16 MiB finds the connection closed."""
    with server.wire() as wire:
        wire.send(ENDLESS)
        sent = 0
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while sent < 256 << 20:
                sent += wire.socket.send(b"x" * 65_536)
        assert sent > 12 << 20


def test_an_upload_that_trickles_is_cut_off(server):
    """Bounded in time, however little comes."""
    began = time.monotonic()
    with server.wire() as wire:
        wire.send(ENDLESS)
        assert wire.answer().status == 413
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while time.monotonic() - began < 40:
                wire.socket.sendall(b"x")
                time.sleep(0.2)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("listener", ["service", "operator"])
@pytest.mark.parametrize("line", ["OPTIONS * HTTP/1.1", "OPTIONS / HTTP/1.1", "OPTIONS / HTTP/1.0", "OPTIONS * HTTP/1.0"])
def test_a_question_about_the_whole_server_is_answered(server, listener, line):
    """`OPTIONS / HTTP/1.0` without Host is what HAProxy's plain `option httpchk` sends."""
    port = server.port if listener == "service" else server.operator_port
    with Wire(("127.0.0.1", port), listener="unrecorded") as wire:
        host = "" if line.endswith("1.0") else "Host: x\r\n"
        wire.socket.sendall(f"{line}\r\n{host}\r\n".encode())
        answer = wire.answer()
        assert (answer.status, answer.body) == (204, b"")
        assert answer["allow"] == "GET, HEAD, POST, OPTIONS"


def test_options_of_a_path_that_is_none_is_still_refused(server):
    assert server.http.options("/nothing").status_code == 404


MALFORMED = [
    (b"BREW /login HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    (b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    (b"GET /\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nExpect: gold\r\n\r\n", 417),
    (b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{", 400),
    (b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"a\":01}\n", 400),
    (b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 4\r\n\r\na=%x", 400),
]


@pytest.mark.parametrize(("octets", "status"), MALFORMED)
def test_a_refusal_that_any_client_can_cause_is_no_error_and_speaks_in_sentences(server, octets, status):
    with server.wire() as wire:
        wire.socket.sendall(octets)
        answer = wire.answer()
    assert answer.status == status
    line = server.wait_for(lambda: told(server, answer))
    assert line["level"] in ("debug", "info")
    # Not the name of a case, such as ambiguousFraming or malformed(Token.Part.header).
    reason = line.get("reason", "a sentence")
    assert " " in reason and "(" not in reason


def test_a_refresh_token_that_is_nonsense_is_logged_in_a_sentence(server):
    answer = server.refresh("a.b.c")
    named = answer.json()["request_id"]
    line = server.wait_for(lambda: next((e for e in server.events("request_refused") if e["request_id"] == named), None))
    assert line["reason"].startswith("the token ")


def test_http2_refuses_what_is_wrong_in_the_head_before_100_continue(server):
    """Only the stream ends; and where head and content come at once, the refusal is the same."""
    with HTTP2Client(server.address) as client:
        for body, typed in ((None, [("content-type", "text/plain")]), (b"{}", [("content-type", "text/plain")]), (None, [])):
            fields = [*typed, ("content-length", "2"), ("expect", "100-continue")]
            stream = client.ask("POST", "/login", fields, body, ends=body is not None)
            reply = client.wait(stream)[0]
            assert reply.status == 415
            assert reply.informational == []
        assert client.get("/healthz").status == 200


JSON = ("content-type", "application/json")


def upload(client: HTTP2Client, stream: int, byte_count: int) -> int:
    """Writes content as a client does that reads its answer later; how much until the stream was reset."""
    sent = 0
    while sent < byte_count and client.replies[stream].reset is None:
        size = min(client.connection.local_flow_control_window(stream), 16_384, byte_count - sent)
        if size == 0:
            assert client.read()
            continue
        client.connection.send_data(stream, b"x" * size)
        client.flush()
        sent += size
    return sent


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/login", 413), ("PUT", "/login", 413)])
def test_an_http2_client_that_writes_everything_first_can_read_the_refusal(server, method, path, status):
    """A reset, even without an error, is the end of everything for a client that still writes."""
    with HTTP2Client(server.address) as client:
        for _ in range(2):
            stream = client.ask(method, path, [JSON], ends=False)
            assert upload(client, stream, 3_000_000) == 3_000_000
            client.connection.end_stream(stream)
            client.flush()
            reply = client.wait(stream)[0]
            assert reply.status == status and reply.reset is None
        assert client.get("/healthz").status == 200


def test_an_http2_upload_that_does_not_end_is_cut_off(server):
    """In bytes and in time, and without an error; the other streams go on."""
    with HTTP2Client(server.address) as client:
        stream = client.ask("POST", "/login", [JSON], ends=False)
        assert 1 << 20 < upload(client, stream, 24 << 20) <= 18 << 20
        assert client.replies[stream].status == 413 and client.replies[stream].reset == 0
        silent = client.ask("POST", "/login", [("content-type", "text/plain"), ("expect", "100-continue")], ends=False)
        began = time.monotonic()
        while client.replies[silent].reset is None:
            assert client.read() and time.monotonic() - began < 8
        assert client.replies[silent].status == 415 and client.replies[silent].reset == 0
        assert client.get("/healthz").status == 200
