"""No gateway of deploy/gateway lets a client open a tunnel to the application, but for WebSockets.

In a tunnel, the gateway neither asks Martlet nor removes headers, so a client could send requests with any identity.
"""

import socket

import h2.connection
import pytest

from harness.gateways import HOST, Client, Gateway
from harness.http2 import DATA, END_HEADERS, GOAWAY, HEADERS, RST_STREAM, RawHTTP2, frame
from harness.identity import FORGED
from harness.tunnels import SETTINGS, Seen, TunnelApplication, tokens

GATEWAYS = ("nginx", "haproxy", "caddy-2.6", "caddy-2.11", "traefik", "envoy", "apache")
WITH_H2 = tuple(name for name in GATEWAYS if name != "nginx")
KEY = [("Sec-WebSocket-Key", f"{'A' * 22}=="), ("Sec-WebSocket-Version", "13")]
SMUGGLED = f"GET /admin HTTP/1.1\r\nHost: {HOST}\r\nX-Auth-User: {FORGED}\r\n\r\n".encode()
ONE = ("h2c", "H2C", "websocket, h2c", "h2c,websocket", "websocket,websocket", "websocket/13", "TLS/1.2", "any", "")
TWO = (("websocket", "h2c"), ("h2c", "websocket"), ("any", "websocket"), ("websocket", "websocket"))
UPGRADES = [[("Upgrade", value)] for value in ONE] + [[("Upgrade", value) for value in pair] for pair in TWO]


class Site:
    """Martlet, an application that opens every tunnel, and the gateways, each started when it is first asked for."""

    def __init__(self, fleet):
        self.fleet, self.started = fleet, {}
        self.application = TunnelApplication()
        settings = {"trusted_proxies": "127.0.0.1", "forwarded_field": "x-forwarded-for", "browser": "on"}
        self.martlet = fleet.make(alg="HS256", **settings).start()
        self.good = ("Authorization", f"Bearer {self.martlet.login().access}")

    def gateway(self, name: str) -> Gateway:
        if name not in self.started:
            base = self.fleet.base / f"tunnel-{name}"
            self.started[name] = Gateway(name, base, self.martlet.port, self.application.port)
        return self.started[name]

    def close(self) -> None:
        for gateway in self.started.values():
            gateway.close()
        self.application.close()
        self.fleet.close(self.martlet)


@pytest.fixture(scope="module")
def site(fleet):
    site = Site(fleet)
    yield site
    site.close()


def smuggled_http2() -> bytes:
    """The preface, and a request with a forged identity on stream 3."""
    http2 = h2.connection.H2Connection()
    http2.initiate_upgrade_connection()
    place = [(":method", "GET"), (":scheme", "http"), (":path", "/admin"), (":authority", HOST)]
    http2.send_headers(3, [*place, ("x-auth-user", FORGED)], end_stream=True)
    return http2.data_to_send()


def talk(port: int, first: str, fields, more: bytes) -> int:
    """Sends a request, and `more` after its answer; returns the status once nothing more comes."""
    lines = [first, f"Host: {HOST}", *(f"{name}: {value}" for name, value in fields)]
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b""
        try:
            while b"\r\n\r\n" not in answer and (part := connection.recv(65536)):
                answer += part
            connection.sendall(more)
            connection.settimeout(0.4)
            while connection.recv(65536):
                pass
        except OSError:
            """Closed or silent: either will do."""
    return int(answer.split(b" ")[1])


def is_plain_or_web_socket(request: Seen) -> bool:
    """Whether a request asks for no tunnel, or for one of a WebSocket."""
    upgrade = request.values("upgrade")
    is_socket = [value.lower() for value in upgrade] == ["websocket"]
    return is_socket or (not any(upgrade) and "upgrade" not in tokens(request.values("connection")))


def forged(seen: list[Seen]) -> list[Seen]:
    return [request for request in seen if request.is_http2 or FORGED in request.values("x-auth-user")]


def test_the_application_itself_opens_each_tunnel(site):
    """So that the tests below cannot pass for another reason."""
    seen = site.application.seen
    for method, fields, more in (
        ("GET", [("Connection", "Upgrade"), ("Upgrade", "h2c"), ("HTTP2-Settings", SETTINGS)], smuggled_http2()),
        ("GET", [("Connection", "Upgrade"), ("Upgrade", "any")], SMUGGLED),
        ("CONNECT", [], SMUGGLED),
    ):
        before = len(seen)
        talk(site.application.port, f"{method} {HOST}:80 HTTP/1.1", fields, more)
        assert len(forged(seen[before:])) == 1, fields


@pytest.mark.parametrize("name", GATEWAYS)
def test_only_upgrades_to_web_socket_reach_the_application(site, name):
    gateway, seen = site.gateway(name), site.application.seen
    for fields in UPGRADES:
        for connection in ("Upgrade, HTTP2-Settings", "keep-alive, upgrade"):
            before = len(seen)
            lines = [site.good, ("Connection", connection), *fields, ("HTTP2-Settings", SETTINGS), *KEY]
            is_http2 = any("h2c" in value.lower() for _, value in fields)
            talk(gateway.port, "GET /page HTTP/1.1", lines, smuggled_http2() if is_http2 else SMUGGLED)
            # Envoy rejects an upgrade that it does not know, with 403.
            assert len(seen) > before or name == "envoy", fields
            for request in seen[before:]:
                assert is_plain_or_web_socket(request) and not request.values("http2-settings"), (fields, request)
            assert not forged(seen[before:]), fields


@pytest.mark.parametrize("connection", ("Upgrade", "keep-alive, upgrade"))
@pytest.mark.parametrize("name", GATEWAYS)
def test_a_web_socket_opens_however_its_header_fields_are_written(site, name, connection):
    """Firefox sends `keep-alive, Upgrade`, and proxies send `upgrade`."""
    before = len(site.application.seen)
    for upgrade in ("websocket", "WebSocket"):
        lines = [site.good, ("Connection", connection), ("Upgrade", upgrade), *KEY]
        assert talk(site.gateway(name).port, "GET /page HTTP/1.1", lines, b"") == 101, upgrade
    for request in site.application.seen[before:]:
        assert [value.lower() for value in request.values("upgrade")] == ["websocket"]
        assert request.values("x-auth-user") == ["amy"]


@pytest.mark.parametrize("name", GATEWAYS)
def test_connect_opens_no_tunnel(site, name):
    gateway, before = site.gateway(name), len(site.application.seen)
    for target in (f"{HOST}:80", f"{HOST}:443", "/page", f"http://{HOST}/page", "127.0.0.1:80"):
        talk(gateway.port, f"CONNECT {target} HTTP/1.1", [site.good], SMUGGLED)
    assert site.application.seen[before:] == []


@pytest.mark.parametrize("name", WITH_H2)
def test_connect_over_http_2_opens_no_tunnel_but_for_web_sockets(site, name):
    """RFC 8441: a stream of HTTP/2 as the tunnel."""
    gateway, before = site.gateway(name), len(site.application.seen)
    good = (b"authorization", site.good[1].encode())
    place = [(b":scheme", b"http"), (b":path", b"/page"), (b":authority", HOST.encode())]
    for protocol in (None, b"websocket", b"h2c", b"connect-tcp", b"any"):
        fields = [(b":method", b"CONNECT"), (b":authority", f"{HOST}:80".encode())]
        if protocol:
            fields = [(b":method", b"CONNECT"), (b":protocol", protocol), *place]
        with RawHTTP2(("127.0.0.1", gateway.port)) as peer:
            peer.ask(1, END_HEADERS, raw=[*fields, good, (b"sec-websocket-version", b"13")])
            is_answer = lambda kind, _, stream, __: kind in (GOAWAY, RST_STREAM) or (kind, stream) == (HEADERS, 1)
            peer.frames(3, until=is_answer)
            peer.send(frame(DATA, 0, 1, SMUGGLED))
            peer.frames(0.4)
    for request in site.application.seen[before:]:
        assert request.method == "GET" and is_plain_or_web_socket(request), request
    assert not forged(site.application.seen[before:])
    with Client(gateway.port, "127.0.0.1", 20) as client:
        assert client.ask([site.good]).status == 200
