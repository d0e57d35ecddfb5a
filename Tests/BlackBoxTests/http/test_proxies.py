"""Clients behind proxies: whose word counts, how the PROXY protocol is read, and real HAProxy and nginx as peers."""

import itertools
import shutil
import socket
import ssl
import struct
import subprocess
import time

import httpx
import pytest

from harness.accounts import PEOPLE, Person
from harness.certificates import Pair
from harness.http2 import RawHTTP2
from harness.server import free_port
from harness.wire import Closed, Wire, request

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
NUMBERS = itertools.count()
# The log names only accounts that exist; these have no password that could be right.
WITH_STRANGERS = PEOPLE + tuple(Person(f"nobody{n}", f"never typed {n}", password_hash="!") for n in range(300))


def login_octets(**fields: str) -> tuple[str, bytes]:
    """A login that is refused, told apart in the log by the name."""
    name = f"nobody{next(NUMBERS)}"
    body = f'{{"username":"{name}","password":"wrong"}}'.encode()
    return name, request("POST", "/login", body, Content_Type="application/json", **fields)


def source_of(server, name: str) -> str:
    """The address that the log tells for the login of `name`."""

    def find():
        return [event["source"] for event in server.events("login_refused") if event.get("username") == name]

    return server.wait_for(find, what=f"a line about {name}")[0]


def source(server, address, before: bytes = b"", **fields: str) -> str:
    """Where the service believes a request to come from."""
    name, octets = login_octets(**fields)
    with Wire(address) as wire:
        if before:
            wire.socket.sendall(before)
        wire.send(octets)
        assert wire.answer().status == 401
    return source_of(server, name)


def is_turned_away(address, octets: bytes, then: bytes = b"") -> bool:
    """Whether the connection is closed without an answer."""
    with Wire(address) as wire:
        wire.socket.sendall(octets)
        if then:
            wire.send(then)
        try:
            return wire.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def v2(command: int, family: int, rest: bytes, claimed: int | None = None) -> bytes:
    return SIGNATURE + struct.pack(">BBH", command, family, len(rest) if claimed is None else claimed) + rest


def v2_four(source: str = "192.0.2.7", more: bytes = b"") -> bytes:
    return v2(0x21, 0x11, socket.inet_aton(source) + socket.inet_aton("198.51.100.1") + b"\x30\x39\x00\x50" + more)


def v2_six(source: str) -> bytes:
    return v2(0x21, 0x21, socket.inet_pton(socket.AF_INET6, source) + bytes(15) + b"\1" + b"\x30\x39\x00\x50")


@pytest.fixture(scope="module")
def proxied(fleet):
    """Trusts 127.0.0.1 and 10.0.0.0/8 and its Unix sockets; a plain address, one with PROXY, one with PROXY and TLS."""
    server = fleet.make(people=WITH_STRANGERS, alg="HS256", trusted_proxies="127.0.0.1, 10.0.0.0/8, unix", head_timeout="3s")
    server.proxy_port, server.tls_port = free_port(), free_port()
    server.socket_path = f"{server.directory}/front.sock"
    pair = Pair("localhost")
    certificate, key = pair.write(server.directory)
    server.settings |= {
        "listen": f"127.0.0.1:{server.port},proxy+127.0.0.1:{server.proxy_port},"
        f"proxy+https://127.0.0.1:{server.tls_port},proxy+unix:{server.socket_path}",
        "tls_cert": certificate,
        "tls_key": key,
    }
    server.start()
    yield server
    fleet.close(server)


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({}, "127.0.0.1"),
        ({"X_Forwarded_For": "192.0.2.1"}, "192.0.2.1"),
        ({"X_Forwarded_For": "198.51.100.66, 192.0.2.1"}, "192.0.2.1"),
        ({"X_Forwarded_For": "198.51.100.66, 192.0.2.1, 10.1.2.3, 127.0.0.1"}, "192.0.2.1"),
        ({"X_Forwarded_For": "2001:db8::5"}, "2001:db8:0:0:0:0:0:5"),
        ({"X_Forwarded_For": "192.0.2.1, nonsense"}, "127.0.0.1"),
        ({"X_Forwarded_For": "192.0.2.1, local, 10.0.0.1"}, "10.0.0.1"),
        ({"Forwarded": "for=198.51.100.66, for=192.0.2.1;proto=https"}, "192.0.2.1"),
        ({"Forwarded": 'for="[2001:db8::5]:4711"'}, "2001:db8:0:0:0:0:0:5"),
        ({"Forwarded": 'for="open, for=192.0.2.1'}, "192.0.2.1"),
        ({"Forwarded": "for=unknown"}, "127.0.0.1"),
        ({"Forwarded": "for=198.51.100.66", "X_Forwarded_For": "192.0.2.1"}, "127.0.0.1"),
        ({"X_Real_IP": "192.0.2.1"}, "127.0.0.1"),
    ],
)
def test_a_trusted_proxy_is_believed_from_the_right(proxied, fields, expected):
    assert source(proxied, proxied.address, **fields) == expected


def test_fields_from_others_are_not_read(make_server):
    """J8: without a list nobody is trusted, and of a list only who stands in it."""
    for settings in ({}, {"trusted_proxies": "10.0.0.0/8"}):
        server = make_server(people=WITH_STRANGERS, alg="HS256", **settings).start()
        assert source(server, server.address, X_Forwarded_For="192.0.2.1", Forwarded="for=192.0.2.1") == "127.0.0.1"


def test_the_field_can_be_named(make_server):
    server = make_server(people=WITH_STRANGERS, alg="HS256", trusted_proxies="127.0.0.1", forwarded_field="x-forwarded-for").start()
    both = {"Forwarded": "for=198.51.100.66", "X_Forwarded_For": "192.0.2.1"}
    assert source(server, server.address, **both) == "192.0.2.1"
    assert source(server, server.address, Forwarded="for=198.51.100.66") == "127.0.0.1"


def test_failed_logins_are_counted_by_the_clients_address(make_server):
    server = make_server(people=WITH_STRANGERS, alg="HS256", trusted_proxies="127.0.0.1", login_source_failures=2).start()

    def statuses(*forwarded: str) -> set[int]:
        """Of as many logins at once: one after the other, a slow machine would give failures time to be forgotten."""
        wires = [server.wire(timeout=30) for _ in forwarded]
        for wire, value in zip(wires, forwarded):
            wire.send(login_octets(X_Forwarded_For=value)[1])
        found = {wire.answer().status for wire in wires}
        for wire in wires:
            wire.close()
        return found

    assert statuses(*["192.0.2.1"] * 8) == {401, 429}
    assert statuses(*[f"192.0.2.{host}" for host in range(10, 18)]) == {401}
    # What the client writes itself stands further left and buys nothing.
    assert statuses(*[f"203.0.113.{host}, 192.0.2.2" for host in range(8)]) == {401, 429}
    # One IPv6 customer has a /64.
    assert statuses(*[f"2001:db8::{host}" for host in range(8)]) == {401, 429}
    assert statuses(*[f"2001:db8:0:{net}::1" for net in range(1, 9)]) == {401}


def test_http2_requests_are_believed_alike(proxied):
    name = f"nobody{next(NUMBERS)}"
    body = f'{{"username":"{name}","password":"wrong"}}'.encode()
    with httpx.Client(http1=False, http2=True, timeout=10) as client:
        headers = {"X-Forwarded-For": "198.51.100.66, 192.0.2.9", "Content-Type": "application/json"}
        answer = client.post(f"http://127.0.0.1:{proxied.port}/login", content=body, headers=headers)
    assert answer.status_code == 401 and answer.http_version == "HTTP/2"
    assert source_of(proxied, name) == "192.0.2.9"


def test_no_field_makes_an_operator_and_one_unmakes_him(proxied):
    """J8: only a Unix socket's own peer may revoke; a proxy in front of the socket is not the operator."""
    body = {"sid": "01a1fc45-f1d2-7784-ae8c-19461615dff4"}
    assert proxied.admin.post("/admin/revocations", json=body).status_code < 300
    relayed = proxied.admin.post("/admin/revocations", json=body, headers={"X-Forwarded-For": "192.0.2.1"})
    assert relayed.status_code == 404
    for value in ("local", "unix", "unix:", "127.0.0.1", "::"):
        answer = proxied.operator.post("/admin/revocations", json=body, headers={"X-Forwarded-For": value})
        assert answer.status_code == 404, value


@pytest.mark.parametrize(
    "header, expected",
    [
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 12345 80\r\n", "192.0.2.7"),
        (b"PROXY TCP6 2001:db8::7 ::1 12345 80\r\n", "2001:db8:0:0:0:0:0:7"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (v2_four(), "192.0.2.7"),
        (v2_four(more=b"\x04\0\x02ab"), "192.0.2.7"),
        (v2_six("2001:db8::7"), "2001:db8:0:0:0:0:0:7"),
        (v2(0x20, 0, b""), "127.0.0.1"),
        (v2(0x21, 0, b"xyz"), "127.0.0.1"),
        (v2(0x21, 0x31, bytes(216)), "127.0.0.1"),
    ],
)
def test_a_header_says_who_is_there(proxied, header, expected):
    address = ("127.0.0.1", proxied.proxy_port)
    assert source(proxied, address, header) == expected


def test_a_header_may_come_octet_by_octet(proxied):
    for header in (b"PROXY TCP4 192.0.2.8 198.51.100.1 1 1\r\n", v2_four("192.0.2.8", b"\x04\0\x02ab")):
        name, octets = login_octets()
        with Wire(("127.0.0.1", proxied.proxy_port)) as wire:
            for octet in header:
                wire.socket.sendall(bytes([octet]))
                time.sleep(0.001)
            wire.send(octets)
            assert wire.answer().status == 401
        assert source_of(proxied, name) == "192.0.2.8"


def test_fields_count_behind_a_header_that_names_a_proxy(proxied):
    address = ("127.0.0.1", proxied.proxy_port)
    assert source(proxied, address, v2_four("10.0.0.9"), X_Forwarded_For="192.0.2.3") == "192.0.2.3"
    assert source(proxied, address, v2_four("192.0.2.7"), X_Forwarded_For="192.0.2.3") == "192.0.2.7"


def test_the_header_comes_before_tls_http2_and_over_a_unix_socket(proxied):
    name, octets = login_octets()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with Wire(("127.0.0.1", proxied.tls_port)) as wire:
        wire.socket.sendall(v2_four("192.0.2.10"))
        wire.socket = context.wrap_socket(wire.socket)
        wire.send(octets)
        assert wire.answer().status == 401
    assert source_of(proxied, name) == "192.0.2.10"
    assert source(proxied, proxied.socket_path, v2_four("192.0.2.11")) == "192.0.2.11"
    plain = socket.create_connection(("127.0.0.1", proxied.proxy_port), 5)
    plain.sendall(v2_four("192.0.2.12"))
    with RawHTTP2(None, plain) as peer:
        assert peer.ask(1)
        frames = peer.frames(3, until=lambda kind, flags, stream, payload: stream == 1)
        assert any(kind == 1 and stream == 1 for kind, _, stream, _ in frames)


@pytest.mark.parametrize(
    "octets",
    [
        request("GET", "/healthz"),
        b"PROXY TCP4 192.0.2.7 198.51.100.1 12345\r\n",
        b"PROXY TCP4 192.0.2.256 198.51.100.1 1 1\r\n",
        b"PROXY TCP9 192.0.2.7 198.51.100.1 1 1\r\n",
        b"PROXY " + b"A" * 200,
        v2(0x22, 0x11, bytes(12)),
        v2(0x21, 0x41, bytes(12)),
        v2(0x21, 0x11, bytes(3)),
        v2(0x21, 0x11, b"", claimed=60000),
        v2_four(more=b"\x03\0\x04\0\0\0\0"),
        v2_four(more=b"\x04\xff\xff"),
        bytes.fromhex("16030100c8010000c40303"),
        b"\0",
    ],
)
def test_what_is_no_header_closes_the_connection(proxied, octets):
    assert is_turned_away(("127.0.0.1", proxied.proxy_port), octets, request("GET", "/healthz"))


def test_half_a_header_has_its_deadline_and_costs_no_time(proxied):
    """MARTLET_HEAD_TIMEOUT is 3 s; octets that wait must not keep a loop busy."""
    with Wire(("127.0.0.1", proxied.proxy_port)) as wire:
        wire.socket.sendall(b"PROXY TCP4 192.0.2.7")
        ticks = lambda: sum(map(int, open(f"/proc/{proxied.pid}/stat").read().rsplit(")", 1)[1].split()[11:13]))
        before, began = ticks(), time.monotonic()
        assert wire.is_closed(10)
        assert 2 < time.monotonic() - began < 8
        assert ticks() - before < 30


def test_a_header_from_elsewhere_is_not_taken(make_server):
    server = make_server(people=WITH_STRANGERS, alg="HS256", trusted_proxies="10.0.0.0/8")
    port = free_port()
    server.settings["listen"] += f",proxy+127.0.0.1:{port}"
    server.start()
    assert is_turned_away(("127.0.0.1", port), v2_four(), request("GET", "/healthz"))


def test_connections_are_counted_by_the_address_in_the_header(make_server):
    """IPv6 by /64; the proxy itself may have as many as it likes."""
    server = make_server(people=WITH_STRANGERS, alg="HS256", trusted_proxies="127.0.0.1", connections_per_source=2)
    port = free_port()
    server.settings["listen"] += f",proxy+127.0.0.1:{port}"
    server.start()
    wires = []

    def status(header: bytes) -> int:
        wires.append(Wire(("127.0.0.1", port)))
        wires[-1].socket.sendall(header)
        wires[-1].send(request("GET", "/healthz"))
        return wires[-1].answer().status

    assert [status(v2_six(f"2001:db8::{host}")) for host in (1, 2, 3)] == [200, 200, 503]
    assert status(v2_six("2001:db8:0:1::1")) == 200
    assert [status(v2_four("192.0.2.1")) for _ in range(3)] == [200, 200, 503]
    assert [status(v2(0x20, 0, b"")) for _ in range(5)] == [200] * 5
    for wire in wires:
        wire.close()
    server.wait_for(lambda: status(v2_four("192.0.2.1")) == 200, what="room")


def test_healthcheck_introduces_itself(proxied):
    listen = f"proxy+127.0.0.1:{proxied.proxy_port}"
    assert proxied.cli("healthcheck", "--listen", listen).returncode == 0
    assert proxied.cli("healthcheck", "--listen", "fd:web").returncode == 1


@pytest.fixture
def haproxy(fleet):
    """Starts HAProxy with one frontend for each of the `server` lines given, and tells their ports."""
    binary = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if not binary:
        pytest.skip("haproxy is not installed")
    started = []

    def start(*lines: str) -> list[int]:
        ports = [free_port() for _ in lines]
        parts = ["defaults\n    mode http\n    timeout connect 5s\n    timeout client 10s\n    timeout server 10s\n"]
        for port, line in zip(ports, lines):
            parts.append(f"listen at{port}\n    bind 127.0.0.1:{port}\n    {line}\n")
        path = fleet.base / "haproxy.cfg"
        path.write_text("".join(parts))
        started.append(subprocess.Popen([binary, "-db", "-f", str(path)], stderr=subprocess.PIPE))
        deadline = time.monotonic() + 10
        for port in ports:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline and started[-1].poll() is None
                    time.sleep(0.05)
        return ports

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=10)


def test_a_real_haproxy_speaks_for_its_clients(proxied, haproxy):
    """send-proxy and send-proxy-v2 with a checksum, TCP and TLS, and its X-Forwarded-For."""
    to = f"server one 127.0.0.1:{proxied.proxy_port}"
    tls = f"server one 127.0.0.1:{proxied.tls_port} ssl verify none"
    ports = haproxy(
        f"{to} send-proxy",
        f"{to} send-proxy-v2",
        f"mode tcp\n    {to} send-proxy-v2 proxy-v2-options crc32c,unique-id",
        f"{tls} send-proxy-v2",
        f"option forwardfor\n    server one 127.0.0.1:{proxied.port}",
        f"{to} send-proxy-v2 check inter 100ms",
    )
    for port in ports:
        name, octets = login_octets(X_Forwarded_For="198.51.100.66, 192.0.2.44")
        # 127.0.0.2 is a client's address here, so that it differs from the proxy's.
        with socket.create_connection(("127.0.0.1", port), 5, source_address=("127.0.0.2", 0)) as client:
            client.sendall(octets)
            assert client.recv(65536).startswith(b"HTTP/1.1 401 ")
        assert source_of(proxied, name) == "127.0.0.2"


def test_a_real_nginx_speaks_for_its_clients(proxied, fleet):
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not binary:
        pytest.skip("nginx is not installed")
    port, directory = free_port(), fleet.base / "nginx-front"
    directory.mkdir(exist_ok=True)
    temporary = "".join(
        f"{kind}_temp_path {directory}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (directory / "nginx.conf").write_text(
        f"""daemon off; master_process off; pid {directory}/pid; error_log stderr warn;
        events {{}}
        http {{ access_log off; {temporary}
            upstream martlet {{ server 127.0.0.1:{proxied.port}; keepalive 4; }}
            server {{ listen 127.0.0.1:{port}; location / {{
                proxy_pass http://martlet; proxy_http_version 1.1; proxy_set_header Connection "";
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }} }}
        """
    )
    process = subprocess.Popen([binary, "-p", str(directory), "-c", "nginx.conf"], stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.05)
        for extra in ({}, {"X_Forwarded_For": "203.0.113.1"}, {"X_Forwarded_For": "203.0.113.1, 10.0.0.1"}):
            name, octets = login_octets(**extra)
            with socket.create_connection(("127.0.0.1", port), 5, source_address=("127.0.0.3", 0)) as client:
                client.sendall(octets)
                assert client.recv(65536).startswith(b"HTTP/1.1 401 ")
            assert source_of(proxied, name) == "127.0.0.3"
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_a_closed_port_stays_one_answer_or_a_close(proxied):
    """The tests above have not left the service with anything half-read."""
    with pytest.raises((Closed, ConnectionResetError)):
        with Wire(("127.0.0.1", proxied.proxy_port)) as wire:
            wire.send(request("GET", "/healthz"))
            wire.answer()
    assert proxied.http.get("/healthz").status_code == 200
