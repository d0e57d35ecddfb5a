"""The gateways of deploy/gateway, started from the files as they are: only addresses, ports and paths are replaced."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from hpack import Decoder

from .http2 import DATA, END_STREAM, GOAWAY, HEADERS, RST_STREAM, RawHTTP2
from .process import ROOT
from .server import free_port

FOLDER = ROOT / "deploy/gateway"
HOST = "app.example.org"
TEMPORARY = "client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;"
MODULES = ("mpm_event", "authz_core", "proxy", "proxy_http", "headers", "lua", "http2")
CADDY = "{\n\tadmin off\n\tservers {\n\t\tprotocols h1 h2c\n\t}\n}\n"
APACHE = "ServerName gateway.test\nPidFile pid\nErrorLog /dev/stderr\nProtocols h2c http/1.1\nUser www-data\n"


def program(name: str, is_of_python: bool = False) -> str:
    """The path of a program: of a Debian package, or of a wheel in this Python's environment."""
    places = str(Path(sys.executable).parent) if is_of_python else "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
    found = shutil.which(name, path=places)
    assert found, f"{name} is not in {places}: run scripts/install test and scripts/venv"
    return found


@dataclass
class Kind:
    """How one gateway is started. `{base}` in `command` is its folder."""

    command: list[str]
    # The files of deploy/gateway, and where the examples say that they go.
    files: dict[str, str]
    # What stands around the first of the files.
    before: str = ""
    after: str = ""
    speaks_h2: bool = True
    environment: dict[str, str] = field(default_factory=dict)


def kind(name: str) -> Kind:
    match name:
        case "nginx":
            outside = f"daemon off; pid pid; error_log stderr crit; events {{}}\nhttp {{ access_log off; {TEMPORARY}\n"
            command = [program("nginx"), "-p", "{base}", "-c", "{base}/nginx.conf"]
            return Kind(command, {"nginx.conf": "nginx.conf"}, outside, "}\n", speaks_h2=False)
        case "haproxy":
            files = {"haproxy.cfg": "/etc/haproxy/haproxy.cfg", "haproxy.lua": "/etc/haproxy/martlet.lua"}
            return Kind([program("haproxy"), "-db", "-f", "{base}/haproxy.cfg"], files)
        case "caddy-2.6" | "caddy-2.11":
            run = ["run", "--config", "{base}/Caddyfile", "--adapter", "caddyfile"]
            return Kind([program("caddy", name == "caddy-2.11"), *run], {"Caddyfile": "Caddyfile"}, CADDY)
        case "traefik":
            files = {"traefik.yaml": "/etc/traefik/traefik.yaml", "traefik-martlet.yaml": "/etc/traefik/martlet.yaml"}
            return Kind([program("traefik", True), "--configfile={base}/traefik.yaml"], files)
        case "envoy":
            options = ["--concurrency", "1", "--disable-hot-restart", "-l", "error"]
            return Kind([program("envoy", True), "-c", "{base}/envoy.yaml", *options], {"envoy.yaml": "envoy.yaml"})
        case "apache":
            load = "".join(f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n" for m in MODULES)
            files = {"apache.conf": "martlet.conf", "apache.lua": "/etc/apache2/martlet.lua"}
            command = [program("apache2"), "-DFOREGROUND", "-d", "{base}", "-f", "{base}/martlet.conf"]
            return Kind(command, files, f"{APACHE}{load}")
    raise ValueError(name)


@dataclass
class Reply:
    """What a client got."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()

    @property
    def environ(self) -> dict[str, str]:
        return json.loads(self.body)


class Gateway:
    """A running gateway before Martlet at `martlet` and an application at `application`, both ports.

    `changes` are made to the files, as their readers may do.
    """

    def __init__(
        self, name: str, base: Path, martlet: int, application: int, host: str = HOST, port: int = 0, changes=()
    ):
        self.name, self.kind, self.port = name, kind(name), port or free_port()
        self.host = host
        base.mkdir()
        # Apache's workers run as another user.
        base.chmod(0o755)
        folders = {str(Path(place).parent): str(base) for place in self.kind.files.values() if "/" in place}
        replaced = folders | {
            f"{HOST} {{": f"http://{host}:{self.port} {{",
            "listen 8000;": f"listen 127.0.0.1:{self.port};",
            "Listen 8000": f"Listen 127.0.0.1:{self.port}",
            "*:8000": f"127.0.0.1:{self.port}",
            "bind :8000": f"bind 127.0.0.1:{self.port}",
            '":8000"': f'"127.0.0.1:{self.port}"',
            "0.0.0.0, port_value: 8000": f"127.0.0.1, port_value: {self.port}",
            "127.0.0.1:8080": f"127.0.0.1:{martlet}",
            "127.0.0.1:9000": f"127.0.0.1:{application}",
            "127.0.0.1, port_value: 8080": f"127.0.0.1, port_value: {martlet}",
            "127.0.0.1, port_value: 9000": f"127.0.0.1, port_value: {application}",
            "abns@martlet-auth": f"abns@martlet-auth-{self.port}",
        }
        replaced |= dict(changes)
        around = (self.kind.before, self.kind.after)
        for file, place in self.kind.files.items():
            text = (FOLDER / file).read_text()
            for old, new in replaced.items():
                text = text.replace(old, new)
            (base / Path(place).name).write_text(around[0] + text + around[1])
            around = ("", "")
        environment = {"PATH": os.environ["PATH"], "HOME": str(base), "XDG_DATA_HOME": str(base)}
        self.output = open(base / "output", "wb+")
        self.process = subprocess.Popen(
            [part.replace("{base}", str(base)) for part in self.kind.command],
            cwd=base,
            env=environment | {"XDG_CONFIG_HOME": str(base)},
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
        )
        self.said = base / "output"
        self.await_answers()

    def await_answers(self) -> None:
        """Returns once the gateway asks Martlet: Traefik answers 404 until it has read its second file."""
        deadline = time.monotonic() + 30
        while True:
            try:
                with self.client() as client:
                    if client.ask().status == 401:
                        return
            except (OSError, http.client.HTTPException):
                pass
            assert time.monotonic() < deadline and self.process.poll() is None, self.said.read_text()
            time.sleep(0.05)

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()

    def client(self, source: str = "127.0.0.1", timeout: float = 20) -> "Client":
        # The port belongs to the origin of a page, which has none where the examples name a host.
        return Client(self.port, source, timeout, self.host if self.host == HOST else f"{self.host}:{self.port}")

    def ask_h2(self, fields: list[tuple[str, str]], target: str = "/page", seconds: float = 20) -> Reply | None:
        """One GET over cleartext HTTP/2; None when no whole reply came."""
        extra = [(name.encode(), value.encode()) for name, value in fields]
        with RawHTTP2(("127.0.0.1", self.port)) as peer:
            place = [(b":path", target.encode()), (b":authority", HOST.encode())]
            peer.ask(1, raw=[(b":method", b"GET"), (b":scheme", b"http"), *place, *extra])
            is_end = lambda kind, flags, stream, _: kind in (RST_STREAM, GOAWAY) or (
                stream == 1 and kind in (DATA, HEADERS) and flags & END_STREAM
            )
            decoder, status, body, is_whole = Decoder(), 0, b"", False
            headers: dict[str, str] = {}
            for frame_kind, flags, stream, payload in peer.frames(seconds, until=is_end):
                if stream == 1 and frame_kind == HEADERS:
                    headers |= {name.lower(): value for name, value in decoder.decode(payload)}
                elif stream == 1 and frame_kind == DATA:
                    body += payload
                is_whole |= stream == 1 and frame_kind in (DATA, HEADERS) and bool(flags & END_STREAM)
            return Reply(int(headers[":status"]), headers, body) if is_whole else None


class Client:
    """A client of HTTP/1.1 that keeps its connection, and sends names and messages that others refuse to send."""

    def __init__(self, port: int, source: str, timeout: float, host: str = HOST):
        self.port, self.source, self.timeout, self.host = port, source, timeout, host
        self.socket: socket.socket | None = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        if self.socket:
            self.socket.close()
        self.socket = None

    def ask(self, fields=(), target: str = "/page", method: str = "GET", body: bytes = b"") -> Reply:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}", *(f"{name}: {value}" for name, value in fields)]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body, method)

    def send(self, message: bytes, method: str = "GET") -> Reply:
        """Sends octets as they are. A kept connection that the gateway has closed is opened anew, once."""
        for is_last in (self.socket is None, True):
            if not self.socket:
                self.socket = socket.create_connection(
                    ("127.0.0.1", self.port), self.timeout, source_address=(self.source, 0)
                )
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self.socket.sendall(message)
                response = http.client.HTTPResponse(self.socket, method=method)
                response.begin()
                fields = [(name.lower(), value) for name, value in response.getheaders()]
                cookies = tuple(value for name, value in fields if name == "set-cookie")
                reply = Reply(response.status, dict(fields), response.read(), cookies)
            except (ConnectionError, http.client.HTTPException):
                self.close()
                if is_last:
                    raise
                continue
            if response.will_close:
                self.close()
            return reply
        raise AssertionError("unreachable")
