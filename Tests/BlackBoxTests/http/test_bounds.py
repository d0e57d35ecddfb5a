"""What connections may cost: rates, memory, handshakes, descriptors, requests, names."""

import ctypes
import os
import resource
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from harness.certificates import Pair
from harness.http2 import END_HEADERS, HEADERS, RawHTTP2, frame
from harness.process import StartFailed
from harness.server import free_port
from harness.wire import Wire, request


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


PIDFD_GETFD = 438


def accepted(pid: int, client: socket.socket) -> socket.socket:
    """The server's end of a connection, as another descriptor for it."""
    process = os.pidfd_open(pid)
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            copy = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, process, int(name), 0)
            if copy < 0:
                continue
            try:
                found = socket.socket(fileno=copy)
            except OSError:
                os.close(copy)
                continue
            try:
                if found.family == socket.AF_INET and found.getpeername() == client.getsockname():
                    return found
            except OSError:
                pass
            found.close()
    finally:
        os.close(process)
    pytest.skip("descriptors of another process cannot be copied here")


def test_a_peer_that_vanishes_keeps_its_connection_for_a_minute(slow):
    """The kernel closes a connection on which sent data is not acknowledged."""
    with socket.create_connection(slow.address, 5) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.recv(4_096).startswith(b"HTTP/1.1 200")
        with accepted(slow.pid, client) as end:
            assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000


@pytest.fixture(scope="module")
def slow(fleet):
    """Long deadlines, so that only the rate ends anything."""
    server = fleet.make(alg="HS256", body_timeout="60s", write_timeout="2s", min_rate=1000, requests_per_connection=3)
    server.start()
    yield server
    fleet.close(server)


def test_content_that_trickles_is_408_long_before_its_deadline(slow):
    """Five seconds of grace, then MARTLET_MIN_RATE; over HTTP/2 the same, and honest content is taken meanwhile."""
    with slow.wire(timeout=20) as wire, RawHTTP2(slow.address) as peer:
        wire.send(request("POST", "/login", b"", Content_Type="application/json").replace(b"h: 0", b"h: 9000"))
        peer.send(frame(HEADERS, END_HEADERS, 1, peer.head(b"POST", b"/login")))
        began = time.monotonic()
        wire.socket.settimeout(0.1)
        answer = None
        while answer is None and time.monotonic() < began + 15:
            wire.socket.sendall(b"x")
            peer.send(frame(0, 0, 1, b"x"))
            try:
                answer = wire.answer()
            except TimeoutError:
                pass
        assert answer and answer.status == 408
        assert 4 < time.monotonic() - began < 9
        frames = peer.frames(3, until=lambda kind, flags, stream, payload: kind == HEADERS and stream == 1)
        assert (HEADERS, 1) in [(kind, stream) for kind, _, stream, _ in frames]
    assert slow.login().access


def test_a_reader_that_takes_nothing_is_let_go_and_not_read_from(slow, make_server):
    """Back-pressure: nothing more is read while answers wait, and after MARTLET_WRITE_TIMEOUT the connection goes."""
    server = make_server(alg="HS256", write_timeout="1s").start()
    before = server.connections_counted("timed_out")
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(server.address)
        reader.setblocking(False)
        octets, sent = request("GET", "/openapi.yaml") * 50, 0
        deadline = time.monotonic() + 10
        while server.connections_counted("timed_out") == before:
            assert time.monotonic() < deadline
            try:
                sent += reader.send(octets)
            except BlockingIOError:
                pass
            except OSError:
                break
            time.sleep(0.02)
    assert sent < 30_000_000
    server.wait_for(lambda: server.metric("martlet_buffered_octets") == 0)


def test_a_connection_has_so_many_requests(slow):
    with slow.wire() as wire:
        answers = []
        for _ in range(3):
            wire.send(request("GET", "/healthz"))
            answers.append(wire.answer())
        assert [answer.headers.get("connection") for answer in answers] == [None, None, "close"]
        assert wire.is_closed()


def test_memory_is_bounded_and_whole_requests_go_on(make_server):
    """MARTLET_BUFFER_MEMORY: who keeps much is ended, who asks in one piece is not, and all of it is given back."""
    server = make_server(alg="HS256", buffer_memory=1).start()
    token = server.login().access
    head = request("POST", "/login", b"", Content_Type="application/json").replace(b"h: 0", b"h: 60000")
    greedy = []
    with server.wire() as honest:
        for _ in range(60):
            wire = server.wire()
            wire.send(head + b"x" * 30_000)
            greedy.append(wire)
            honest.send(request("GET", "/verify", Authorization=f"Bearer {token}"))
            assert honest.answer().status == 200
        peers = [RawHTTP2(server.address) for _ in range(6)]
        for peer in peers:
            for stream in range(1, 20, 2):
                peer.send(frame(HEADERS, END_HEADERS, stream, peer.head(b"POST", b"/login")))
                peer.send(frame(0, 0, stream, b"x" * 16_000))
        server.wait_for(lambda: server.connections_counted("shed") >= 20, what="connections that were ended")
        assert server.metric("martlet_buffered_octets") <= 1.25 * (1 << 20)
        statuses = []
        for wire in greedy:
            wire.socket.settimeout(0.02)
            wire.asked = [("POST", "/login")]
            statuses += [answer.status for answer in wire.answers()]
        assert statuses and set(statuses) == {503}
        assert server.login().access
    for one in [*greedy, *peers]:
        one.socket.close()
    server.wait_for(lambda: server.metric("martlet_buffered_octets") == 0, what="the memory given back")


def test_handshakes_that_are_held_open_give_way_to_honest_ones(make_server):
    server = make_server(alg="HS256", tls_handshakes=4, threads=1)
    port = free_port()
    certificate, key = Pair("localhost").write(server.directory)
    server.settings |= {"tls_cert": certificate, "tls_key": key}
    server.settings["listen"] += f",https://127.0.0.1:{port}"
    server.start()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    stalled = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    for one in stalled:
        one.sendall(bytes.fromhex("160301"))
    for _ in range(10):
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5)) as secure:
            secure.sendall(request("GET", "/healthz"))
            assert secure.recv(4096).startswith(b"HTTP/1.1 200 ")
    server.wait_for(lambda: server.connections_counted("refused") >= 16, what="handshakes that gave way")
    for one in stalled[:16]:
        one.settimeout(5)
        try:
            assert one.recv(1) == b""
        except ConnectionResetError:
            pass
    for one in stalled:
        one.close()


def test_without_descriptors_it_waits_quietly_and_comes_back(make_server):
    """EMFILE: the connections that are there are served, no loop spins, and afterwards everything is as before."""
    server = make_server(alg="HS256").start()
    token = server.login().access
    ask = request("GET", "/verify", Authorization=f"Bearer {token}")
    with server.wire() as kept:
        kept.send(ask)
        assert kept.answer().status == 200
        quiet = descriptors(server.pid)
        limit = subprocess.run(
            ["prlimit", "--pid", str(server.pid), f"--nofile={quiet + 8}:"], capture_output=True
        )
        assert limit.returncode == 0, limit.stderr
        crowd = [socket.create_connection(server.address, 5) for _ in range(40)]
        time.sleep(0.3)
        assert descriptors(server.pid) <= quiet + 8
        before = cpu_seconds(server.pid)
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            kept.send(ask)
            assert kept.answer().status == 200
            time.sleep(0.05)
        assert cpu_seconds(server.pid) - before < 0.5
        for one in crowd:
            one.close()
        with server.wire() as late:
            late.send(ask)
            assert late.answer().status == 200
        subprocess.run(["prlimit", "--pid", str(server.pid), "--nofile=1024:"], check=True)
    server.wait_for(lambda: descriptors(server.pid) <= quiet, what="descriptors back at the start")


def test_what_the_loops_need_is_open_before_it_listens(make_server):
    """Also the descriptor that each loop lends in want of others; where there is no room for it, there is no start."""
    server = make_server(alg="HS256", threads=4).start()
    needed = descriptors(server.pid)
    assert server.stop() == 0
    for limit in range(needed - 5, needed + 5):
        try:
            server.run_once(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
        except StartFailed as failure:
            assert "Too many open files" in failure.text
            continue
        open_now = [os.readlink(path) for path in Path(f"/proc/{server.pid}/fd").iterdir() if path.name != "0"]
        assert open_now.count("/dev/null") == 4
        return
    raise AssertionError("it never started")


@pytest.mark.parametrize(
    "host, status",
    [
        ("a" * 253 + ":65535", 200),
        ("a" * 254, 400),
        ("a:123456", 400),
        ("[2001:db8::1]:443", 200),
        ("[2001:db8:::1]", 400),
        ("[v1.fe80]", 400),
        ("[192.0.2.1]", 400),
        ("user@a", 400),
        ("a/b", 400),
    ],
)
def test_a_host_is_a_name_or_an_address_and_a_port(slow, host, status):
    with slow.wire() as wire:
        wire.send(request("GET", "/healthz", host=host))
        assert wire.answer().status == status
    with RawHTTP2(slow.address) as peer:
        raw = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/healthz"), (b":authority", host.encode())]
        peer.ask(1, raw=raw)
        heads = [f for f in peer.frames(3, until=lambda kind, flags, stream, payload: stream == 1) if f[2] == 1]
        # libnghttp2 resets streams whose authority holds octets that none may hold.
        if status == 200:
            assert heads and heads[0][0] == HEADERS and b"\x88" == heads[0][3][:1]
        else:
            assert heads and not (heads[0][0] == HEADERS and heads[0][3][:1] == b"\x88")
