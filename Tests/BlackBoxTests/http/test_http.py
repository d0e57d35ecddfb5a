"""HTTP itself: framing, methods, headers, other sockets, and an orderly end."""

import re
import signal
import os
import socket
import threading
import time
from email.utils import parsedate_to_datetime

import pytest

from harness.server import free_port
from harness.wire import Closed, Wire, request

RESOURCES = [
    "/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration",
    "/openapi.yaml", "/healthz",
]
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("path", RESOURCES)
def test_head_answers_as_get_without_the_body(server, path):
    """L8."""
    varying = {"date"}
    get, head = server.http.get(path), server.http.head(path)
    assert head.content == b""
    assert head.status_code == get.status_code == 200
    assert {k: v for k, v in head.headers.items() if k not in varying} == {
        k: v for k, v in get.headers.items() if k not in varying
    }


def test_head_on_verify_says_what_get_says(server):
    """L8."""
    headers = {"Authorization": f"Bearer {server.login().access}"}
    assert server.http.head("/verify", headers=headers).status_code == 200
    assert server.http.head("/verify").status_code == 401


@pytest.mark.parametrize("path", RESOURCES[:4])
def test_a_matching_etag_is_304_without_a_body(server, path):
    """C8: and a list, a weak form and the star match, too."""
    tag = server.http.get(path).headers["etag"]
    for value in (tag, f'"other", {tag}', f"W/{tag}" if not tag.startswith("W/") else tag, "*"):
        answer = server.http.get(path, headers={"If-None-Match": value})
        assert (answer.status_code, answer.content) == (304, b""), value
        assert answer.headers["etag"] == tag
    assert server.http.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", ["/login", "/verify", "/healthz", "/token", "/.well-known/jwks.json"])
def test_options_is_204_with_allow_and_no_length(server, path):
    """L10."""
    with server.wire() as wire:
        wire.send(request("OPTIONS", path))
        answer = wire.answer()
        assert answer.status == 204
        assert "content-length" not in answer.headers
        assert "OPTIONS" in answer["allow"]


def test_every_answer_has_a_date_and_nosniff(server):
    """L10, L14."""
    for answer in (
        server.http.get("/healthz"),
        server.http.get("/nowhere"),
        server.http.get("/verify"),
        server.http.options("/login"),
        server.operator.get("/livez"),
    ):
        assert abs(parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time()) < 5
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers.get_list("date") == [answer.headers["date"]]


def test_healthz_is_200_and_nothing_more(server):
    """M4, L13."""
    answer = server.http.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"")


def test_pipelined_requests_are_answered_in_order(server):
    """RFC 9112 9.3.2: also when one of them waits for a password hash."""
    token = server.login().access
    good = b'{"username":"amy","password":"amy rides at dawn 7"}'
    batch = [
        request("GET", "/healthz"),
        request("POST", "/login", good, Content_Type="application/json"),
        request("GET", "/nowhere"),
        request("GET", "/verify", Authorization=f"Bearer {token}"),
        request("POST", "/revoke", b"token=noise", Content_Type=FORM),
        request("GET", "/verify"),
    ] * 5
    with server.wire(timeout=20) as wire:
        wire.send(b"".join(batch))
        wire.asked = []
        assert [wire.answer().status for _ in batch] == [200, 200, 404, 200, 200, 401] * 5


def test_byte_by_byte_is_the_same_as_at_once(server):
    """The reader does not depend on how the network cuts a message."""
    octets = request("POST", "/verify", b'{"token":"noise"}', Content_Type="application/json")
    with server.wire() as wire:
        for octet in octets:
            wire.send(bytes([octet]))
        assert wire.answer().code == "token_malformed"
        wire.send(octets)
        assert wire.answer().code == "token_malformed"


def test_chunked_bodies_are_read_and_bounded(server):
    """L2, L6: with extensions and trailers; too large is 413."""
    body = b'{"token":"noise"}'
    head = b"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    for chunks in (
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
        b"".join(b"1;a=b\r\n%c\r\n" % octet for octet in body) + b"0\r\nX-Trailer: y\r\n\r\n",
        b"%X\r\n%s\r\n000\r\n\r\n" % (len(body), body),
    ):
        with server.wire() as wire:
            wire.send(head + chunks + request("GET", "/healthz"))
            wire.asked = [("POST", "/verify"), ("GET", "/healthz")]
            assert [wire.answer().status, wire.answer().status] == [401, 200]
    with server.wire() as wire:
        wire.send(head)
        for _ in range(20):
            wire.send(b"2000\r\n" + b"a" * 0x2000 + b"\r\n")
        assert wire.answer().status == 413
        assert wire.is_closed()


def test_expect_100_continue_asks_for_the_body(server):
    """RFC 9110 10.1.1: another expectation is 417."""
    body = b'{"token":"noise"}'
    head = request("POST", "/verify", body, Content_Type="application/json", Expect="100-continue")[: -len(body)]
    with server.wire() as wire:
        wire.send(head)
        assert wire.answer().status == 100
        wire.send(body)
        assert wire.answer().status == 401
    with server.wire() as wire:
        wire.send(request("POST", "/verify", body, Expect="200-maybe"))
        answer = wire.answer()
        assert (answer.status, answer.code) == (417, "expectation_failed")


def test_connection_close_and_http_1_0_are_obeyed(server):
    """L5."""
    with server.wire() as wire:
        wire.send(request("GET", "/healthz", Connection="close"))
        assert wire.answer()["connection"] == "close"
        assert wire.is_closed()
    with server.wire() as wire:
        wire.send(b"GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n")
        assert wire.answer().status == 200
        assert wire.is_closed()
    with server.wire() as wire:
        wire.send(b"GET /healthz HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n")
        assert wire.answer()["connection"].lower() == "keep-alive"
        wire.send(request("GET", "/healthz"))
        assert wire.answer().status == 200


def test_a_client_that_closes_its_sending_side_still_gets_its_answer(server):
    """Half-close, also while a password is being hashed."""
    body = b'{"username":"amy","password":"not the one at all"}'
    with server.wire() as wire:
        wire.send(request("POST", "/login", body, Content_Type="application/json"))
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.answer().status == 401


@pytest.mark.parametrize(
    ("octets", "status", "code"),
    [
        (b"GET /healthz HTTP/1.2\r\nHost: x\r\n\r\n", 505, "version_unsupported"),
        (b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n", 505, "version_unsupported"),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400, "message_malformed"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400, "message_malformed"),
        (b"GET /healthz HTTP/1.1\nHost: x\n\n", 400, "message_malformed"),
        (b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400, "message_malformed"),
        (b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n", 400, "message_malformed"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400, "message_malformed"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", 400, "message_malformed"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400, "message_malformed"),
        (b"GET /h\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "message_malformed"),
        (
            b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "message_malformed",
        ),
        (
            b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            400,
            "message_malformed",
        ),
        (b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", 400, "message_malformed"),
        (b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", None, None),
        (b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, "coding_unsupported"),
        (b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n", 400, "message_malformed"),
        (b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400, "message_malformed"),
        (b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", None, None),
        (b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n", 413, "body_too_large"),
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "target_too_long"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 17_000 + b"\r\n\r\n", 431, "head_too_large"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 101 + b"\r\n", 431, "head_too_large"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64, 400, "message_malformed"),
        (b"PRI * HTTP/2.0\r\n\r\nXY\r\n\r\n", 505, "version_unsupported"),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", None, None),
    ],
)
def test_a_message_that_cannot_be_read_gets_one_answer_and_the_connection_closes(server, octets, status, code):
    """L1, L2, L3, L4, L6: nothing after it is answered."""
    with server.wire() as wire:
        wire.send(octets + request("GET", "/healthz"))
        wire.asked = [("", "")]
        answers = wire.answers()
    assert len(answers) == 1
    assert 400 <= answers[0].status <= 505 and answers[0].status != 500
    if status:
        assert (answers[0].status, answers[0].code) == (status, code)
    assert answers[0]["connection"] == "close"


def test_ipv6_and_unix_sockets_serve_as_well(make_server):
    """DESIGN 9."""
    server = make_server(alg="HS256")
    port = free_port(socket.AF_INET6)
    path = f"{server.directory}/service.sock"
    server.settings["listen"] += f",[::1]:{port},unix:{path}"
    server.start()
    for address in (server.address, ("::1", port), path):
        with Wire(address) as wire:
            wire.send(request("GET", "/healthz"))
            assert wire.answer().status == 200
    with Wire(path) as wire:
        wire.send(request("GET", "/livez"))
        assert wire.answer().status == 404


def test_absolute_form_targets_are_understood(server):
    """RFC 9112 3.2.2."""
    with server.wire() as wire:
        wire.send(request("GET", "http://martlet.test/healthz"))
        wire.asked = [("GET", "/healthz")]
        assert wire.answer().status == 200


def test_sigterm_under_forty_busy_clients_loses_nothing_and_exits_0(make_server):
    """DESIGN 9: every request that was sent gets its answer, then the connection closes."""
    server = make_server(alg="HS256").start()
    octets = request("GET", "/verify", Authorization=f"Bearer {server.login().access}")
    lost, answered = [], []
    stop = threading.Event()

    def client() -> None:
        while not stop.is_set():
            try:
                wire = Wire(server.address)
            except (ConnectionRefusedError, ConnectionResetError):
                return
            with wire:
                while not stop.is_set():
                    try:
                        wire.send(octets)
                        answer = wire.answer()
                    except (Closed, ConnectionResetError) as fault:
                        lost.append(repr(fault))
                        return
                    answered.append(answer.status)
                    if answer.headers.get("connection") == "close":
                        break

    threads = [threading.Thread(target=client) for _ in range(40)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    os.kill(server.pid, signal.SIGTERM)
    code = server.run.process.wait(15)
    stop.set()
    for thread in threads:
        thread.join(10)
    assert code == 0
    assert lost == []
    assert set(answered) == {200} and len(answered) > 40


def test_sigterm_waits_for_logins_in_flight(make_server):
    """A password being hashed when the signal comes is still answered."""
    server = make_server(alg="HS256", hash_workers=1).start()
    body = b'{"username":"amy","password":"amy rides at dawn 7"}'
    wires = [server.wire() for _ in range(5)]
    for wire in wires:
        wire.send(request("POST", "/login", body, Content_Type="application/json"))
    time.sleep(0.03)
    os.kill(server.pid, signal.SIGTERM)
    assert [wire.answer().status for wire in wires] == [200] * 5
    for wire in wires:
        wire.close()
    assert server.stop() == 0


def test_the_request_id_of_an_error_is_in_the_log(server):
    """M2, L13: the caller's id leads to the line that says why."""
    for answer in (
        server.verify("noise"),
        server.http.get("/nowhere"),
        server.try_login("amy", "wrong one"),
        server.refresh("noise"),
        server.http.post("/login", content=b"{", headers={"Content-Type": "application/json"}),
    ):
        wanted = answer.json()["request_id"]
        assert re.fullmatch(r"[A-Za-z0-9-]{8,64}", wanted)
        server.wait_for(lambda: any(e.get("request_id") == wanted for e in server.events()), 2, wanted)
