"""Too much at once: logins never slow verifies, and what cannot be served is refused at once."""

import multiprocessing
import os
import selectors
import socket
import threading
import time

import pytest

from harness.wire import request

pytestmark = pytest.mark.alone

LOGINS = 500
ROUNDS = 5
P99_MS = float(os.environ.get("MARTLET_TEST_VERIFY_P99_MS", "10"))


def storm(port: int, body: bytes, start, results) -> None:
    """Sends every login at once from a process of its own and tells each answer's head."""
    octets = request("POST", "/login", body, Content_Type="application/json", Connection="close")
    chooser = selectors.DefaultSelector()
    heads = {}
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(LOGINS)]
    start.wait()
    for one in sockets:
        one.sendall(octets)
        one.setblocking(False)
        chooser.register(one, selectors.EVENT_READ)
        heads[one] = b""
    deadline = time.monotonic() + 60
    while chooser.get_map() and time.monotonic() < deadline:
        for key, _ in chooser.select(1):
            octets = key.fileobj.recv(65536)
            heads[key.fileobj] += octets
            if not octets:
                chooser.unregister(key.fileobj)
    hung = len(chooser.get_map())
    results.put((hung, [head.split(b"\r\n\r\n")[0].decode("latin-1") for head in heads.values()]))


def measure(server) -> tuple[float, float, int, list[str]]:
    """The p99 of verify in milliseconds before the storm and in it, how many logins hung, and the others' answers' heads."""
    token = server.login().access
    body = f'{{"username":"amy","password":"{server.people[0].password}"}}'.encode()
    context = multiprocessing.get_context("spawn")
    start, results = context.Event(), context.Queue()
    process = context.Process(target=storm, args=(server.port, body, start, results))
    process.start()
    octets = request("GET", "/verify", Authorization=f"Bearer {token}")
    calm, taken = [], []
    finished = threading.Event()
    outcome = []

    def wait() -> None:
        outcome.append(results.get(timeout=90))
        finished.set()

    with server.wire() as wire:
        wire.send(octets)
        assert wire.answer().status == 200
        server.wait_for(lambda: server.operator.get("/metrics").status_code == 200, 5)

        def ask(list_: list[float]) -> None:
            begin = time.perf_counter()
            wire.send(octets)
            assert wire.answer().status == 200
            list_.append((time.perf_counter() - begin) * 1000)
            time.sleep(0.001)

        calm_ends = time.monotonic() + 1
        while time.monotonic() < calm_ends:
            ask(calm)
        waiter = threading.Thread(target=wait)
        waiter.start()
        start.set()
        while not finished.is_set():
            ask(taken)
    waiter.join()
    process.join(10)
    return p99(calm), p99(taken), *outcome[0]


def p99(milliseconds: list[float]) -> float:
    return sorted(milliseconds)[int(len(milliseconds) * 0.99)]


def test_five_hundred_logins_at_once_do_not_slow_verify(make_server, record_property):
    """F6, L6: real Argon2id cost, two workers; the surplus gets 503 with Retry-After and nobody hangs.

    The latency is that of the quietest of up to five storms, since a neighbour on the machine adds its own: where one does so
    all the time, it is three times what it is without a storm.
    """
    server = make_server(alg="HS256", hash_workers=2, hash_queue=64, log_level="info").start()
    best, worst_allowed = float("inf"), P99_MS
    for _ in range(ROUNDS):
        calm, stormy, hung, heads = measure(server)
        statuses = [int(head.split(" ")[1]) for head in heads]
        assert hung == 0
        assert set(statuses) == {200, 503}
        # All are of one account, which has few places in the lane of known logins; the other lane has half of the places.
        assert statuses.count(200) >= 32
        assert all("retry-after:" in head.lower() for head in heads if " 503 " in head)
        best, worst_allowed = min(best, stormy), max(P99_MS, 3 * calm)
        if stormy < worst_allowed:
            break
    record_property("verify_p99_ms", round(best, 3))
    assert stormy < worst_allowed, f"verify p99 {best:.1f} ms"


def test_a_full_hashing_queue_is_503_with_a_code(make_server):
    """F4, H15: hashing_saturated names Retry-After; the next calm login works."""
    server = make_server(alg="HS256", hash_workers=1, hash_queue=1).start()
    body = b'{"username":"amy","password":"amy rides at dawn 7"}'
    wires = [server.wire(timeout=20) for _ in range(12)]
    for wire in wires:
        wire.send(request("POST", "/login", body, Content_Type="application/json"))
    answers = [wire.answer() for wire in wires]
    for wire in wires:
        wire.close()
    refused = [answer for answer in answers if answer.status == 503]
    assert refused and {answer.code for answer in refused} == {"hashing_saturated"}
    assert all(int(answer["retry-after"]) >= 1 for answer in refused)
    assert {answer.status for answer in answers} == {200, 503}
    server.login()


@pytest.fixture(scope="module")
def narrow(fleet):
    """Few connections and short patience."""
    server = fleet.make(alg="HS256", connections=8, head_timeout="1s", body_timeout="1s", idle_timeout="2s")
    server.start()
    server.http.close()
    yield server
    fleet.close(server)


def test_connections_over_the_cap_are_refused_and_room_returns(narrow):
    """L6: 503 too_many_connections with Retry-After, or the close alone."""
    wires = [narrow.wire() for _ in range(8)]
    for wire in wires:
        wire.send(request("GET", "/healthz"))
        assert wire.answer().status == 200
    with narrow.wire() as surplus:
        surplus.asked = [("", "")]
        answers = surplus.answers()
    assert [(answer.status, answer.code) for answer in answers] == [(503, "too_many_connections")]
    assert int(answers[0]["retry-after"]) >= 1
    for wire in wires:
        wire.close()

    def is_served() -> bool:
        with narrow.wire() as wire:
            wire.send(request("GET", "/healthz"))
            return [answer.status for answer in wire.answers()[:1]] == [200]

    narrow.wait_for(is_served, 8, "room")


def test_slow_heads_and_bodies_are_408_and_idle_connections_are_closed(narrow):
    """L6."""
    time.sleep(2.2)
    with narrow.wire(timeout=6) as head, narrow.wire(timeout=6) as body, narrow.wire(timeout=6) as idle:
        idle.send(request("GET", "/healthz"))
        assert idle.answer().status == 200
        head.send(b"GET /healthz HTTP/1.1\r\nHost:")
        body.send(b"POST /verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
        head.asked = body.asked = []
        for wire in (head, body):
            answer = wire.answer()
            assert (answer.status, answer.code) == (408, "request_timeout")
            assert wire.is_closed()
        assert idle.is_closed(6)
